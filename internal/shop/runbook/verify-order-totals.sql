-- Verify order totals
SELECT COUNT(*) FROM orders o
WHERE o.total_amount != (
    SELECT SUM(oi.quantity * oi.unit_price)
    FROM order_items oi WHERE oi.order_id = o.id
);
-- Expected: 0
