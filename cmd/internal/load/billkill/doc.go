// Package billkill shows that a call record is neither lost nor doubled when
// processes are killed. A worker carries events from the spool to a MariaDB,
// with a journal and balances in the same transaction, takes payments through
// a Redis, exports files and prices records anew. The driver, which plays the
// network and the operator, kills worker, MariaDB and Redis at random moments,
// starts them again and repeats what it got no answer for. In the end
// everything is compared with a run in which nothing was killed.
package billkill
