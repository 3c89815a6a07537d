-- Check for payment-order mismatches
SELECT o.id as order_id, o.total_amount as order_total,
       p.amount as payment_amount, p.status as payment_status
FROM orders o
LEFT JOIN payments p ON o.id = p.order_id
WHERE o.status = 'COMPLETED'
  AND (p.id IS NULL OR p.status != 'COMPLETED' OR p.amount != o.total_amount);
