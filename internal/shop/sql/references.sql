-- The four references that are declared; all others are missing on purpose, see schema.sql.
ALTER TABLE customers ADD CONSTRAINT customers_referred_by_fkey FOREIGN KEY (referred_by) REFERENCES customers (id);
ALTER TABLE inventory ADD CONSTRAINT inventory_product_id_fkey FOREIGN KEY (product_id) REFERENCES products (id);
ALTER TABLE payments ADD CONSTRAINT payments_refund_of_fkey FOREIGN KEY (refund_of) REFERENCES payments (id);
ALTER TABLE domain_events ADD CONSTRAINT domain_events_cause_fkey
    FOREIGN KEY (aggregate_id, cause_version) REFERENCES domain_events (aggregate_id, version);
