-- What a billing profile says besides prices, what keeps customers from
-- calling, and what they have spent.

-- +goose Up
CREATE TABLE prov_terms (
  billing_profile_id  BIGINT         NOT NULL,
  prepaid             BIGINT         NOT NULL,
  limits              VARCHAR(2000)  NOT NULL,
  updated_ms          BIGINT         NOT NULL,
  PRIMARY KEY (billing_profile_id),
  CONSTRAINT prov_terms_profile FOREIGN KEY (billing_profile_id) REFERENCES prov_billing_profiles (id) ON DELETE CASCADE
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin */;

-- lock_level is the operator's, spent_level that of a limit on spending.
CREATE TABLE prov_locks (
  customer_id  BIGINT         NOT NULL,
  lock_level   BIGINT         NOT NULL,
  spent_level  BIGINT         NOT NULL,
  limits       VARCHAR(2000)  NOT NULL,
  updated_ms   BIGINT         NOT NULL,
  PRIMARY KEY (customer_id),
  CONSTRAINT prov_locks_customer FOREIGN KEY (customer_id) REFERENCES prov_customers (id) ON DELETE CASCADE
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin */;
CREATE INDEX prov_locks_spent ON prov_locks (spent_level);

CREATE TABLE acct_spending (
  account     VARCHAR(255) NOT NULL,
  sums        LONGTEXT     NOT NULL,
  updated_ms  BIGINT       NOT NULL,
  PRIMARY KEY (account)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin */;

-- +goose Down
DROP TABLE acct_spending;
DROP TABLE prov_locks;
DROP TABLE prov_terms;
