-- What was priced anew: which calls, by whom, with what effect. selection and
-- accounts are JSON; ended_ms is 0 until all of it is stored.

-- +goose Up
INSERT INTO sys_ids (name, next_id) VALUES ('rerating', 1);
CREATE TABLE acct_reratings (
  id         BIGINT       NOT NULL,
  plan       VARCHAR(64)  NOT NULL,
  selection  TEXT         NOT NULL,
  admin      VARCHAR(255) NOT NULL,
  begun_ms   BIGINT       NOT NULL,
  ended_ms   BIGINT       NOT NULL,
  records    BIGINT       NOT NULL,
  changed    BIGINT       NOT NULL,
  failed     BIGINT       NOT NULL,
  refused    BIGINT       NOT NULL,
  accounts   LONGTEXT     NOT NULL,
  PRIMARY KEY (id),
  CONSTRAINT acct_reratings_plan UNIQUE (plan)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin */;

-- +goose Down
DROP TABLE acct_reratings;
DELETE FROM sys_ids WHERE name = 'rerating';
