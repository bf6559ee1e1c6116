-- A yearly rate may have more digits than whole basis points: 948.22 is 9.4822 %.

ALTER TABLE lending.plans ALTER COLUMN annual_rate_basis_points TYPE numeric;
