-- Accounts with free time and cash for each interval, packages, vouchers, and
-- how each record was paid.

-- +goose Up
INSERT INTO sys_ids (name, next_id) VALUES ('package', 1), ('voucher', 1);

-- interval is the JSON of a balance.Rule, '' for calendar months.
ALTER TABLE prov_terms ADD COLUMN free_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE prov_terms ADD COLUMN free_micro BIGINT NOT NULL DEFAULT 0;
ALTER TABLE prov_terms ADD COLUMN balance_rule VARCHAR(255) NOT NULL DEFAULT '';

-- free_time is 1 where free time may pay for calls by the fee.
ALTER TABLE prov_fees ADD COLUMN free_time BIGINT NOT NULL DEFAULT 0;

-- balance_level is the lock that the balance of the account has led to.
ALTER TABLE prov_locks ADD COLUMN balance_level BIGINT NOT NULL DEFAULT 0;

-- document is the JSON of a balance.Package.
CREATE TABLE prov_packages (
  id          BIGINT       NOT NULL,
  name        VARCHAR(64)  NOT NULL,
  document    LONGTEXT     NOT NULL,
  rev         BIGINT       NOT NULL,
  created_ms  BIGINT       NOT NULL,
  updated_ms  BIGINT       NOT NULL,
  PRIMARY KEY (id),
  CONSTRAINT prov_packages_name UNIQUE (name)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin */;

-- code_hash stands for the code, which is money to whoever reads it;
-- package_name is '' for none, customer_id and used_by are 0 for nobody.
CREATE TABLE prov_vouchers (
  id            BIGINT       NOT NULL,
  code_hash     VARCHAR(64)  NOT NULL,
  hint          VARCHAR(8)   NOT NULL,
  amount_micro  BIGINT       NOT NULL,
  currency      VARCHAR(3)   NOT NULL,
  package_name  VARCHAR(64)  NOT NULL,
  until_ms      BIGINT       NOT NULL,
  customer_id   BIGINT       NOT NULL,
  used_ms       BIGINT       NOT NULL,
  used_by       BIGINT       NOT NULL,
  rev           BIGINT       NOT NULL,
  created_ms    BIGINT       NOT NULL,
  updated_ms    BIGINT       NOT NULL,
  PRIMARY KEY (id),
  CONSTRAINT prov_vouchers_code UNIQUE (code_hash)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin */;

-- receipt is the JSON of the balance.Receipt by which an account paid for a
-- side of the record in force.
CREATE TABLE acct_receipts (
  leg_key     VARCHAR(64)  NOT NULL,
  side        VARCHAR(16)  NOT NULL,
  account     VARCHAR(190) NOT NULL,
  receipt     LONGTEXT     NOT NULL,
  updated_ms  BIGINT       NOT NULL,
  PRIMARY KEY (leg_key, side)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin */;

-- +goose Down
DROP TABLE acct_receipts;
DROP TABLE prov_vouchers;
DROP TABLE prov_packages;
ALTER TABLE prov_locks DROP COLUMN balance_level;
ALTER TABLE prov_fees DROP COLUMN free_time;
ALTER TABLE prov_terms DROP COLUMN balance_rule;
ALTER TABLE prov_terms DROP COLUMN free_micro;
ALTER TABLE prov_terms DROP COLUMN free_ms;
DELETE FROM sys_ids WHERE name IN ('package', 'voucher');
