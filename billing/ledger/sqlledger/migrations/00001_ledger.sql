-- Balances, what is reserved of them, and the journal. Values are in the unit
-- of the wallet: micro-units of money, milliseconds, things.

-- +goose Up
CREATE TABLE ledger_nodes (
  node     VARCHAR(190) NOT NULL,
  epoch    BIGINT       NOT NULL,
  touched  BIGINT       NOT NULL,
  PRIMARY KEY (node)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin */;

CREATE TABLE ledger_accounts (
  account  VARCHAR(190) NOT NULL,
  touched  BIGINT       NOT NULL,
  document LONGTEXT     NOT NULL,
  PRIMARY KEY (account)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin */;

CREATE TABLE ledger_wallets (
  account     VARCHAR(190) NOT NULL,
  wallet      VARCHAR(190) NOT NULL,
  unit        VARCHAR(64)  NOT NULL,
  amount      BIGINT       NOT NULL,
  floor_value BIGINT       NOT NULL,
  PRIMARY KEY (account, wallet)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin */;

CREATE TABLE ledger_holds (
  account   VARCHAR(190) NOT NULL,
  wallet    VARCHAR(190) NOT NULL,
  hold_name VARCHAR(190) NOT NULL,
  amount    BIGINT       NOT NULL,
  until_ms  BIGINT       NOT NULL,
  PRIMARY KEY (account, wallet, hold_name)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin */;

CREATE TABLE ledger_keys (
  op_key  VARCHAR(190) NOT NULL,
  digest  VARCHAR(32)  NOT NULL,
  at_ms   BIGINT       NOT NULL,
  answer  LONGTEXT     NOT NULL,
  PRIMARY KEY (op_key)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin */;
CREATE INDEX ledger_keys_at ON ledger_keys (at_ms);

CREATE TABLE ledger_journal (
  op_key  VARCHAR(190) NOT NULL,
  line    BIGINT       NOT NULL,
  account VARCHAR(190) NOT NULL,
  wallet  VARCHAR(190) NOT NULL,
  unit    VARCHAR(64)  NOT NULL,
  amount  BIGINT       NOT NULL,
  reason  VARCHAR(64)  NOT NULL,
  ref     VARCHAR(190) NOT NULL,
  at_ms   BIGINT       NOT NULL,
  PRIMARY KEY (op_key, line)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin */;
CREATE INDEX ledger_journal_account ON ledger_journal (account, at_ms);
CREATE INDEX ledger_journal_ref ON ledger_journal (ref);

-- +goose Down
DROP TABLE ledger_journal;
DROP TABLE ledger_keys;
DROP TABLE ledger_holds;
DROP TABLE ledger_wallets;
DROP TABLE ledger_accounts;
DROP TABLE ledger_nodes;
