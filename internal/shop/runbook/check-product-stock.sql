-- Check for inventory inconsistencies
SELECT p.id, p.name, p.stock_quantity,
       COALESCE(SUM(i.quantity), 0) as actual_inventory
FROM products p
LEFT JOIN inventory i ON p.id = i.product_id
GROUP BY p.id, p.name, p.stock_quantity
HAVING p.stock_quantity != COALESCE(SUM(i.quantity), 0);
