-- Verify inventory consistency
SELECT COUNT(*) FROM products p
WHERE p.stock_quantity != (
    SELECT COALESCE(SUM(i.quantity), 0)
    FROM inventory i WHERE i.product_id = p.id
);
-- Expected: 0
