-- Fix duplicate emails (keep oldest)
DELETE FROM customers c1
USING customers c2
WHERE c1.email = c2.email
  AND c1.created_at > c2.created_at;
