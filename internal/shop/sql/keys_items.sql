-- order_items has neither a foreign key to orders nor one to products: on purpose, see schema.sql.
ALTER TABLE order_items ADD CONSTRAINT order_items_pkey PRIMARY KEY (id);
CREATE INDEX order_items_order_id_idx ON order_items (order_id);
