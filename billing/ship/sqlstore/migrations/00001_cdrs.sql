-- Call detail records. The columns *_search, and the identifiers of
-- subscribers and accounts, are bounded for their indexes; every other text
-- of a record stands as it came. sys_ids can be there already, with the numbers
-- of other tables in it.

-- +goose Up
CREATE TABLE IF NOT EXISTS sys_ids (
  name     VARCHAR(32) NOT NULL,
  next_id  BIGINT      NOT NULL,
  PRIMARY KEY (name)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin */;
INSERT INTO sys_ids (name, next_id) VALUES ('cdr', 1);

CREATE TABLE acct_cdrs (
  id                 BIGINT       NOT NULL,
  leg_key            VARCHAR(32)  NOT NULL,
  revision           BIGINT       NOT NULL,
  generation         BIGINT       NOT NULL,
  superseded         BIGINT       NOT NULL,
  stored_ms          BIGINT       NOT NULL,
  call_hash          BIGINT       NOT NULL,
  call_id            TEXT         NOT NULL,
  from_tag           TEXT         NOT NULL,
  to_tag             TEXT         NOT NULL,
  leg                BIGINT       NOT NULL,
  call_type          VARCHAR(16)  NOT NULL,
  status             VARCHAR(16)  NOT NULL,
  code               BIGINT       NOT NULL,
  caller_subscriber  VARCHAR(255) NOT NULL,
  caller_account     VARCHAR(255) NOT NULL,
  caller_user        TEXT         NOT NULL,
  caller_domain      TEXT         NOT NULL,
  caller_number      TEXT         NOT NULL,
  caller_dialled     TEXT         NOT NULL,
  caller_search      VARCHAR(32)  NOT NULL,
  callee_subscriber  VARCHAR(255) NOT NULL,
  callee_account     VARCHAR(255) NOT NULL,
  callee_user        TEXT         NOT NULL,
  callee_domain      TEXT         NOT NULL,
  callee_number      TEXT         NOT NULL,
  callee_dialled     TEXT         NOT NULL,
  callee_search      VARCHAR(32)  NOT NULL,
  source_ip          VARCHAR(45)  NOT NULL,
  node               TEXT         NOT NULL,
  init_ms            BIGINT       NOT NULL,
  start_ms           BIGINT       NOT NULL,
  end_ms             BIGINT       NOT NULL,
  duration_ms        BIGINT       NOT NULL,
  flags              BIGINT       NOT NULL,
  evidence           TEXT         NOT NULL,
  PRIMARY KEY (id),
  CONSTRAINT acct_cdrs_leg UNIQUE (leg_key, generation)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin */;
CREATE INDEX acct_cdrs_init ON acct_cdrs (init_ms, id);
CREATE INDEX acct_cdrs_call ON acct_cdrs (call_hash);
CREATE INDEX acct_cdrs_status ON acct_cdrs (status, init_ms, id);
CREATE INDEX acct_cdrs_caller_subscriber ON acct_cdrs (caller_subscriber, init_ms, id);
CREATE INDEX acct_cdrs_callee_subscriber ON acct_cdrs (callee_subscriber, init_ms, id);
CREATE INDEX acct_cdrs_caller_account ON acct_cdrs (caller_account, init_ms, id);
CREATE INDEX acct_cdrs_callee_account ON acct_cdrs (callee_account, init_ms, id);
CREATE INDEX acct_cdrs_caller_search ON acct_cdrs (caller_search);
CREATE INDEX acct_cdrs_callee_search ON acct_cdrs (callee_search);

CREATE TABLE acct_cdr_parties (
  cdr_id        BIGINT       NOT NULL,
  position      BIGINT       NOT NULL,
  side          VARCHAR(16)  NOT NULL,
  role          VARCHAR(32)  NOT NULL,
  account       VARCHAR(255) NOT NULL,
  direction     VARCHAR(3)   NOT NULL,
  profile       VARCHAR(255) NOT NULL,
  fee           VARCHAR(255) NOT NULL,
  zone          VARCHAR(255) NOT NULL,
  amount_micro  BIGINT       NOT NULL,
  currency      VARCHAR(3)   NOT NULL,
  charged_ms    BIGINT       NOT NULL,
  tariff        VARCHAR(64)  NOT NULL,
  reasons       LONGTEXT     NOT NULL,
  PRIMARY KEY (cdr_id, position),
  CONSTRAINT acct_cdr_parties_cdr FOREIGN KEY (cdr_id) REFERENCES acct_cdrs (id) ON DELETE CASCADE
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin */;
CREATE INDEX acct_cdr_parties_account ON acct_cdr_parties (account);

CREATE TABLE acct_cdr_quality (
  cdr_id  BIGINT     NOT NULL,
  media   LONGTEXT   NOT NULL,
  PRIMARY KEY (cdr_id),
  CONSTRAINT acct_cdr_quality_cdr FOREIGN KEY (cdr_id) REFERENCES acct_cdrs (id) ON DELETE CASCADE
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin */;

CREATE TABLE acct_checkpoints (
  source      VARCHAR(128) NOT NULL,
  segment     BIGINT       NOT NULL,
  position    BIGINT       NOT NULL,
  state       LONGBLOB     NOT NULL,
  updated_ms  BIGINT       NOT NULL,
  PRIMARY KEY (source)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin */;

-- +goose Down
DROP TABLE acct_checkpoints;
DROP TABLE acct_cdr_quality;
DROP TABLE acct_cdr_parties;
DROP TABLE acct_cdrs;
DELETE FROM sys_ids WHERE name = 'cdr';
