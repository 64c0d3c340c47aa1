-- Where calls of foreign networks come from and go to. networks are address
-- blocks, prefixes those of the numbers that a peer takes; both are separated by
-- commas. gateway is '' for a peer that takes no calls; transit is 1 for one
-- whose calls may go to another.

-- +goose Up
ALTER TABLE prov_peers ADD COLUMN gateway VARCHAR(255) NOT NULL DEFAULT '';
ALTER TABLE prov_peers ADD COLUMN networks VARCHAR(4000) NOT NULL DEFAULT '';
ALTER TABLE prov_peers ADD COLUMN prefixes VARCHAR(4000) NOT NULL DEFAULT '';
ALTER TABLE prov_peers ADD COLUMN transit BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE prov_peers DROP COLUMN transit;
ALTER TABLE prov_peers DROP COLUMN prefixes;
ALTER TABLE prov_peers DROP COLUMN networks;
ALTER TABLE prov_peers DROP COLUMN gateway;
