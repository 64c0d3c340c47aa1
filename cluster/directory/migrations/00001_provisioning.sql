-- Provisioning. Every server reads this file as it stands: the comments that
-- begin with an exclamation mark are read by MySQL and MariaDB alone, and
-- give them the engine and the byte-exact collation that SQLite has anyway.
-- Identifiers, times (milliseconds since 1970, UTC) and money are BIGINT and
-- made by the program: amounts are millionths of a unit (micro), prices
-- millionths of a millionth (pico) for so many seconds.
--
-- Table prefixes are groups that can live apart: prov_ goes to every proxy,
-- sys_ and acct_ stay central. No foreign key crosses groups.

-- +goose Up
CREATE TABLE sys_ids (
  name     VARCHAR(32) NOT NULL,
  next_id  BIGINT      NOT NULL,
  PRIMARY KEY (name)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin */;

INSERT INTO sys_ids (name, next_id) VALUES
  ('change', 1), ('domain', 1), ('billing_profile', 1), ('fee', 1), ('customer', 1),
  ('subscriber', 1), ('number', 1), ('special', 1), ('admin', 1), ('session', 1);

CREATE TABLE prov_changes (
  seq     BIGINT       NOT NULL,
  at_ms   BIGINT       NOT NULL,
  kind    VARCHAR(32)  NOT NULL,
  id      BIGINT       NOT NULL,
  action  VARCHAR(16)  NOT NULL,
  actor   VARCHAR(255) NOT NULL,
  PRIMARY KEY (seq)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin */;
CREATE INDEX prov_changes_at ON prov_changes (at_ms);

CREATE TABLE prov_settings (
  name        VARCHAR(64) NOT NULL,
  value       BLOB        NOT NULL,
  rev         BIGINT      NOT NULL,
  updated_ms  BIGINT      NOT NULL,
  PRIMARY KEY (name)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin */;

CREATE TABLE prov_domains (
  id          BIGINT       NOT NULL,
  name        VARCHAR(253) NOT NULL,
  rev         BIGINT       NOT NULL,
  created_ms  BIGINT       NOT NULL,
  updated_ms  BIGINT       NOT NULL,
  PRIMARY KEY (id),
  CONSTRAINT prov_domains_name UNIQUE (name)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin */;

CREATE TABLE prov_billing_profiles (
  id          BIGINT       NOT NULL,
  name        VARCHAR(255) NOT NULL,
  currency    VARCHAR(3)   NOT NULL,
  time_zone   VARCHAR(64)  NOT NULL,
  rev         BIGINT       NOT NULL,
  created_ms  BIGINT       NOT NULL,
  updated_ms  BIGINT       NOT NULL,
  PRIMARY KEY (id),
  CONSTRAINT prov_billing_profiles_name UNIQUE (name)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin */;

CREATE TABLE prov_fees (
  id                  BIGINT       NOT NULL,
  profile_id          BIGINT       NOT NULL,
  direction           VARCHAR(3)   NOT NULL,
  source              VARCHAR(64)  NOT NULL,
  destination         VARCHAR(64)  NOT NULL,
  zone                VARCHAR(255) NOT NULL,
  connect_micro       BIGINT       NOT NULL,
  init_price_pico     BIGINT       NOT NULL,
  init_per_s          BIGINT       NOT NULL,
  init_interval_s     BIGINT       NOT NULL,
  follow_price_pico   BIGINT       NOT NULL,
  follow_per_s        BIGINT       NOT NULL,
  follow_interval_s   BIGINT       NOT NULL,
  rev                 BIGINT       NOT NULL,
  created_ms          BIGINT       NOT NULL,
  updated_ms          BIGINT       NOT NULL,
  PRIMARY KEY (id),
  CONSTRAINT prov_fees_match UNIQUE (profile_id, direction, source, destination),
  CONSTRAINT prov_fees_profile FOREIGN KEY (profile_id) REFERENCES prov_billing_profiles (id) ON DELETE CASCADE
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin */;

CREATE TABLE prov_customers (
  id                  BIGINT       NOT NULL,
  name                VARCHAR(255) NOT NULL,
  external_id         VARCHAR(255) NOT NULL,
  billing_profile_id  BIGINT       NOT NULL,
  status              VARCHAR(16)  NOT NULL,
  rev                 BIGINT       NOT NULL,
  created_ms          BIGINT       NOT NULL,
  updated_ms          BIGINT       NOT NULL,
  PRIMARY KEY (id),
  CONSTRAINT prov_customers_profile FOREIGN KEY (billing_profile_id) REFERENCES prov_billing_profiles (id)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin */;
CREATE INDEX prov_customers_name ON prov_customers (name);
CREATE INDEX prov_customers_external ON prov_customers (external_id);
CREATE INDEX prov_customers_by_profile ON prov_customers (billing_profile_id);

CREATE TABLE prov_subscribers (
  id            BIGINT       NOT NULL,
  domain_id     BIGINT       NOT NULL,
  customer_id   BIGINT       NOT NULL,
  username      VARCHAR(64)  NOT NULL,
  display_name  VARCHAR(255) NOT NULL,
  status        VARCHAR(16)  NOT NULL,
  rev           BIGINT       NOT NULL,
  created_ms    BIGINT       NOT NULL,
  updated_ms    BIGINT       NOT NULL,
  PRIMARY KEY (id),
  CONSTRAINT prov_subscribers_username UNIQUE (username, domain_id),
  CONSTRAINT prov_subscribers_domain FOREIGN KEY (domain_id) REFERENCES prov_domains (id),
  CONSTRAINT prov_subscribers_customer FOREIGN KEY (customer_id) REFERENCES prov_customers (id)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin */;
CREATE INDEX prov_subscribers_by_domain ON prov_subscribers (domain_id, username);
CREATE INDEX prov_subscribers_by_customer ON prov_subscribers (customer_id);

CREATE TABLE prov_credentials (
  subscriber_id  BIGINT       NOT NULL,
  algorithm      VARCHAR(16)  NOT NULL,
  ha1            VARCHAR(128) NOT NULL,
  updated_ms     BIGINT       NOT NULL,
  PRIMARY KEY (subscriber_id, algorithm),
  CONSTRAINT prov_credentials_subscriber FOREIGN KEY (subscriber_id) REFERENCES prov_subscribers (id) ON DELETE CASCADE
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin */;

-- primary_of is the subscriber's id on its primary number and NULL on the
-- others: the unique index then allows one primary number per subscriber.
CREATE TABLE prov_numbers (
  id             BIGINT      NOT NULL,
  number         VARCHAR(15) NOT NULL,
  subscriber_id  BIGINT      NOT NULL,
  primary_of     BIGINT,
  created_ms     BIGINT      NOT NULL,
  PRIMARY KEY (id),
  CONSTRAINT prov_numbers_number UNIQUE (number),
  CONSTRAINT prov_numbers_primary UNIQUE (primary_of),
  CONSTRAINT prov_numbers_subscriber FOREIGN KEY (subscriber_id) REFERENCES prov_subscribers (id) ON DELETE CASCADE
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin */;
CREATE INDEX prov_numbers_by_subscriber ON prov_numbers (subscriber_id);

CREATE TABLE prov_specials (
  id          BIGINT      NOT NULL,
  number      VARCHAR(32) NOT NULL,
  app         VARCHAR(64) NOT NULL,
  rev         BIGINT      NOT NULL,
  created_ms  BIGINT      NOT NULL,
  updated_ms  BIGINT      NOT NULL,
  PRIMARY KEY (id),
  CONSTRAINT prov_specials_number UNIQUE (number)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin */;

CREATE TABLE sys_admins (
  id             BIGINT       NOT NULL,
  name           VARCHAR(64)  NOT NULL,
  password_hash  VARCHAR(255) NOT NULL,
  role           VARCHAR(32)  NOT NULL,
  status         VARCHAR(16)  NOT NULL,
  rev            BIGINT       NOT NULL,
  created_ms     BIGINT       NOT NULL,
  updated_ms     BIGINT       NOT NULL,
  login_ms       BIGINT       NOT NULL,
  PRIMARY KEY (id),
  CONSTRAINT sys_admins_name UNIQUE (name)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin */;

CREATE TABLE sys_sessions (
  id          BIGINT       NOT NULL,
  token_hash  VARCHAR(64)  NOT NULL,
  admin_id    BIGINT       NOT NULL,
  remote      VARCHAR(64)  NOT NULL,
  user_agent  VARCHAR(255) NOT NULL,
  created_ms  BIGINT       NOT NULL,
  seen_ms     BIGINT       NOT NULL,
  expires_ms  BIGINT       NOT NULL,
  PRIMARY KEY (id),
  CONSTRAINT sys_sessions_token UNIQUE (token_hash),
  CONSTRAINT sys_sessions_admin FOREIGN KEY (admin_id) REFERENCES sys_admins (id) ON DELETE CASCADE
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin */;
CREATE INDEX sys_sessions_by_admin ON sys_sessions (admin_id);
CREATE INDEX sys_sessions_expires ON sys_sessions (expires_ms);

-- +goose Down
DROP TABLE sys_sessions;
DROP TABLE sys_admins;
DROP TABLE prov_specials;
DROP TABLE prov_numbers;
DROP TABLE prov_credentials;
DROP TABLE prov_subscribers;
DROP TABLE prov_customers;
DROP TABLE prov_fees;
DROP TABLE prov_billing_profiles;
DROP TABLE prov_domains;
DROP TABLE prov_settings;
DROP TABLE prov_changes;
DROP TABLE sys_ids;
