-- Fix inventory counts
UPDATE products p
SET stock_quantity = (
    SELECT COALESCE(SUM(i.quantity), 0)
    FROM inventory i
    WHERE i.product_id = p.id
);
