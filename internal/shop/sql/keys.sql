-- Keys and indexes, the longest first: two sessions take the next one each.
-- order_items has neither a foreign key to orders nor one to products: on purpose, see schema.sql.
ALTER TABLE order_items ADD CONSTRAINT order_items_pkey PRIMARY KEY (id);
CREATE INDEX order_items_order_id_idx ON order_items (order_id);
ALTER TABLE orders ADD CONSTRAINT orders_pkey PRIMARY KEY (id);
ALTER TABLE payments ADD CONSTRAINT payments_pkey PRIMARY KEY (id);
CREATE INDEX orders_customer_id_idx ON orders (customer_id);
CREATE INDEX payments_order_id_idx ON payments (order_id);
CREATE INDEX orders_created_at_idx ON orders (created_at);
CREATE INDEX payments_refund_of_idx ON payments (refund_of) WHERE refund_of IS NOT NULL;
ALTER TABLE customers ADD CONSTRAINT customers_pkey PRIMARY KEY (id);
CREATE INDEX customers_email_idx ON customers (email);
CREATE INDEX customers_referred_by_idx ON customers (referred_by) WHERE referred_by IS NOT NULL;
ALTER TABLE inventory ADD CONSTRAINT inventory_pkey PRIMARY KEY (id);
CREATE INDEX inventory_product_id_idx ON inventory (product_id);
ALTER TABLE products ADD CONSTRAINT products_pkey PRIMARY KEY (id);
ALTER TABLE domain_events ADD CONSTRAINT domain_events_pkey PRIMARY KEY (event_id);
ALTER TABLE domain_events ADD CONSTRAINT domain_events_version_key UNIQUE (aggregate_id, version);
ALTER TABLE processed_events ADD CONSTRAINT processed_events_pkey PRIMARY KEY (event_id);
ALTER TABLE flyway_schema_history ADD CONSTRAINT flyway_schema_history_pk PRIMARY KEY (installed_rank);
CREATE INDEX flyway_schema_history_s_idx ON flyway_schema_history (success);
