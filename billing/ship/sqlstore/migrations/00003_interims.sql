-- Records of running calls, for streams of their own. They are kept for a while
-- only: the record of the ended call takes their place.

-- +goose Up
CREATE TABLE acct_interims (
  seq        BIGINT      NOT NULL,
  leg_key    VARCHAR(32) NOT NULL,
  number     BIGINT      NOT NULL,
  data       LONGBLOB    NOT NULL,
  stored_ms  BIGINT      NOT NULL,
  PRIMARY KEY (seq),
  CONSTRAINT acct_interims_leg UNIQUE (leg_key, number)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin */;
CREATE INDEX acct_interims_stored ON acct_interims (stored_ms);
INSERT INTO sys_ids (name, next_id) VALUES ('interim', 1);

-- +goose Down
DROP TABLE acct_interims;
DELETE FROM sys_ids WHERE name = 'interim';
