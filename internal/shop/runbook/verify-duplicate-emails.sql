-- Verify no duplicate emails
SELECT email, COUNT(*) FROM customers
GROUP BY email HAVING COUNT(*) > 1;
-- Expected: 0 rows
