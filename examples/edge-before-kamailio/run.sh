#!/usr/bin/env bash
# Starts the edge in front of a Kamailio that is registrar and proxy (Debian's
# kamailio package). Phones register at 127.0.0.1:5060 (UDP, TCP), :5061 (TLS) or
# ws://127.0.0.1:5080 for the domain class5.test, with any user and the password
# in kamailio.cfg. Ctrl-C stops both; so does the end of either.
#
# Look at it with: go run ./cmd/class5ctl lb targets
set -euo pipefail
PATH=$PATH:/usr/sbin
here=$(cd "$(dirname "$0")" && pwd)
dir=${1:-$(mktemp -d)}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
(cd "$here" && go build -o "$dir/" ../../cmd/lb)
cd "$dir"
umask 077
[ -e edge.key ] || head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' > edge.key
for f in lb.yaml kamailio.cfg; do [ -e $f ] || cp "$here/$f" $f; done
trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT
trap exit INT TERM
kamailio -f kamailio.cfg -DD -E -m 64 -M 8 -w "$dir" -Y "$dir" -P "$dir/pid" > kamailio.log 2>&1 &
./lb -config lb.yaml &
echo "edge and Kamailio run in $dir: SIP 127.0.0.1:5060, metrics http://127.0.0.1:9190/metrics"
wait -n
