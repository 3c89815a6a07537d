// Package keeper keeps incidents: it furnishes their channels, keeps the one pinned
// summary as the store says, puts what people pin and mark on the timeline, reminds and
// calls when it is time, and sends notices.
//
// It decides nothing: package incidents does. Whatever it does to the world is written
// down before, so that any replica can go on after another one died, and nothing is
// done twice. It never posts by itself: messages go through the outbox.
package keeper
