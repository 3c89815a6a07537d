// Package shop is the shop of the runbook, in Postgres: its schema, a generator of any size, and the exact list
// of everything that was planted in it.
//
// It promises that the list is the truth: every planted defect is there with its primary keys, every innocent
// look-alike too, and a row that is in neither is right. So it can judge any check in both directions: what the
// check must find, and what it must never report. It never repairs anything, never decides what a check means in
// production, and must never be pointed at a database that holds anybody's data: Generate refuses one that
// already has the shop's tables.
//
// What right means, check by check (the names are those of the example config):
//
//   - orphaned-orders: customer_id, when not NULL, is the id of a customer; orders younger than MinimumAge are not judged.
//   - duplicate-emails: within the customers of one email (exactly equal, not NULL) all but the oldest are reported; the
//     smaller id counts as older when created_at is equal. The class is conflict if name or phone differ from the kept
//     customer's, otherwise duplicate.
//   - order-totals: total_amount is not NULL and within TotalTolerance of the sum of quantity × unit_price, which is 0
//     without items.
//   - product-stock: stock_quantity is not NULL and equals the sum of the product's inventory rows, which is 0 without rows.
//   - order-payments: per order and in the order's currency, COMPLETED minus REFUNDED payments equal what is due: total_amount
//     for a COMPLETED order, 0 for any other; orders younger than MinimumAge, or without a total, are not judged.
//   - paid-not-completed: no PENDING or CANCELLED order older than MinimumAge has more COMPLETED than REFUNDED payments.
//   - payments-without-order, items-without-order, items-without-product: the reference, when not NULL, is there.
//   - negative-stock, negative-totals: no stock_quantity, no total_amount is below zero.
//   - foreign-keys: every declared foreign key holds (key: the referring row's id) and is validated (key: the constraint's name).
//
// The age of a row is counted from its created_at.
package shop
