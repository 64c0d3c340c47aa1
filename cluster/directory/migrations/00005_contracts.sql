-- Who sells to whom, which billing profile holds when and for callers from
-- where, and the foreign networks that calls come from and go to.

-- +goose Up
INSERT INTO sys_ids (name, next_id) VALUES ('assignment', 1), ('peer', 1);

CREATE TABLE prov_resales (
  customer_id  BIGINT  NOT NULL,
  reseller_id  BIGINT  NOT NULL,
  PRIMARY KEY (customer_id),
  CONSTRAINT prov_resales_customer FOREIGN KEY (customer_id) REFERENCES prov_customers (id) ON DELETE CASCADE,
  CONSTRAINT prov_resales_reseller FOREIGN KEY (reseller_id) REFERENCES prov_customers (id)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin */;
CREATE INDEX prov_resales_by_reseller ON prov_resales (reseller_id);

-- to_ms is exclusive, 0 without an end; network is empty for all callers.
CREATE TABLE prov_assignments (
  id                  BIGINT       NOT NULL,
  customer_id         BIGINT       NOT NULL,
  billing_profile_id  BIGINT       NOT NULL,
  from_ms             BIGINT       NOT NULL,
  to_ms               BIGINT       NOT NULL,
  network             VARCHAR(64)  NOT NULL,
  created_ms          BIGINT       NOT NULL,
  PRIMARY KEY (id),
  CONSTRAINT prov_assignments_customer FOREIGN KEY (customer_id) REFERENCES prov_customers (id) ON DELETE CASCADE,
  CONSTRAINT prov_assignments_profile FOREIGN KEY (billing_profile_id) REFERENCES prov_billing_profiles (id)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin */;
CREATE INDEX prov_assignments_by_customer ON prov_assignments (customer_id);
CREATE INDEX prov_assignments_by_profile ON prov_assignments (billing_profile_id);

CREATE TABLE prov_peers (
  id           BIGINT       NOT NULL,
  name         VARCHAR(64)  NOT NULL,
  customer_id  BIGINT       NOT NULL,
  rev          BIGINT       NOT NULL,
  created_ms   BIGINT       NOT NULL,
  updated_ms   BIGINT       NOT NULL,
  PRIMARY KEY (id),
  CONSTRAINT prov_peers_name UNIQUE (name),
  CONSTRAINT prov_peers_customer FOREIGN KEY (customer_id) REFERENCES prov_customers (id)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin */;
CREATE INDEX prov_peers_by_customer ON prov_peers (customer_id);

-- +goose Down
DROP TABLE prov_peers;
DROP TABLE prov_assignments;
DROP TABLE prov_resales;
DELETE FROM sys_ids WHERE name IN ('assignment', 'peer');
