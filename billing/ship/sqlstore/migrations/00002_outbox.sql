-- Streams of records to other systems, and what no record could be made of.
-- seq numbers what was stored in the order of the commits: a revision gets a
-- new one.

-- +goose Up
ALTER TABLE acct_cdrs ADD COLUMN seq BIGINT NOT NULL DEFAULT 0;
ALTER TABLE acct_cdrs ADD COLUMN caller_peer VARCHAR(255) NOT NULL DEFAULT '';
ALTER TABLE acct_cdrs ADD COLUMN callee_peer VARCHAR(255) NOT NULL DEFAULT '';
UPDATE acct_cdrs SET seq = id;
CREATE INDEX acct_cdrs_seq ON acct_cdrs (seq);

ALTER TABLE acct_cdr_parties ADD COLUMN depth BIGINT NOT NULL DEFAULT 0;
ALTER TABLE acct_cdr_parties ADD COLUMN units BIGINT NOT NULL DEFAULT 0;
ALTER TABLE acct_cdr_parties ADD COLUMN capped BIGINT NOT NULL DEFAULT 0;

CREATE TABLE acct_quarantine (
  id         BIGINT        NOT NULL,
  source     VARCHAR(128)  NOT NULL,
  position   BIGINT        NOT NULL,
  kind       VARCHAR(16)   NOT NULL,
  leg_key    VARCHAR(32)   NOT NULL,
  reason     VARCHAR(1000) NOT NULL,
  data       LONGBLOB      NOT NULL,
  stored_ms  BIGINT        NOT NULL,
  PRIMARY KEY (id),
  CONSTRAINT acct_quarantine_place UNIQUE (source, kind, position, leg_key)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin */;
INSERT INTO sys_ids (name, next_id) VALUES ('quarantine', 1);

CREATE TABLE acct_streams (
  name        VARCHAR(64) NOT NULL,
  seq         BIGINT      NOT NULL,
  updated_ms  BIGINT      NOT NULL,
  PRIMARY KEY (name)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin */;

CREATE TABLE acct_stream_files (
  stream      VARCHAR(64)  NOT NULL,
  part        VARCHAR(255) NOT NULL,
  number      BIGINT       NOT NULL,
  name        VARCHAR(512) NOT NULL,
  sha256      VARCHAR(64)  NOT NULL,
  bytes       BIGINT       NOT NULL,
  line_count  BIGINT       NOT NULL,
  totals      TEXT         NOT NULL,
  first_key   VARCHAR(32)  NOT NULL,
  last_key    VARCHAR(32)  NOT NULL,
  first_seq   BIGINT       NOT NULL,
  last_seq    BIGINT       NOT NULL,
  made_ms     BIGINT       NOT NULL,
  sent_ms     BIGINT       NOT NULL,
  PRIMARY KEY (stream, part, number)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin */;
CREATE INDEX acct_stream_files_sent ON acct_stream_files (stream, sent_ms);
CREATE INDEX acct_stream_files_made ON acct_stream_files (stream, made_ms);

CREATE TABLE acct_stream_contents (
  stream   VARCHAR(64)  NOT NULL,
  part     VARCHAR(255) NOT NULL,
  number   BIGINT       NOT NULL,
  content  LONGBLOB     NOT NULL,
  PRIMARY KEY (stream, part, number)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin */;

-- +goose Down
DROP TABLE acct_stream_contents;
DROP TABLE acct_stream_files;
DROP TABLE acct_streams;
DROP TABLE acct_quarantine;
DELETE FROM sys_ids WHERE name = 'quarantine';
ALTER TABLE acct_cdr_parties DROP COLUMN capped;
ALTER TABLE acct_cdr_parties DROP COLUMN units;
ALTER TABLE acct_cdr_parties DROP COLUMN depth;
DROP INDEX acct_cdrs_seq /*! ON acct_cdrs */;
ALTER TABLE acct_cdrs DROP COLUMN callee_peer;
ALTER TABLE acct_cdrs DROP COLUMN caller_peer;
ALTER TABLE acct_cdrs DROP COLUMN seq;
