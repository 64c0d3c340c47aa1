#!/usr/bin/env bash
# Starts a platform of three processes on one machine, with a Redis and a
# MariaDB of its own in the directory given (default: a new temporary one).
# Needs Debian's redis-server and mariadb-server, curl, and Go. Ctrl-C stops
# all; so does the end of any of them.
set -euo pipefail
PATH=$PATH:/usr/sbin
here=$(cd "$(dirname "$0")" && pwd)
dir=${1:-$(mktemp -d)}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
(cd "$here" && go build -o "$dir/" ../../cmd/lb ../../cmd/proxy ../../cmd/web)
cd "$dir"
umask 077
[ -e edge.key ] || head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' > edge.key
[ -e live.token ] || head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n' > live.token
for f in lb proxy web; do [ -e $f.yaml ] || sed "s#unix(mysqld.sock)#unix($dir/sock/mysqld.sock)#" "$here/$f.yaml" > $f.yaml; done

# Each is asked to stop and waited for before the next: the proxy first, which
# ends its calls through the edge, and the stores last.
pids=()
stop() {
	trap - EXIT
	trap '' INT TERM
	for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
		kill "${pids[i]}" 2>/dev/null || true
		wait "${pids[i]}" 2>/dev/null || true
	done
}
trap stop EXIT
trap exit INT TERM
# The terminal's Ctrl-C reaches this script only, which then stops the others
# in their order.
run() { setsid "$@" & pids+=($!); }
fail() { echo "run.sh: $1" >&2; exit 1; }

run redis-server --port 6390 --bind 127.0.0.1 --dir "$dir" --save '' --appendonly yes --logfile "$dir/redis.log"
user=()
mkdir -p mysql sock
if [ "$(id -u)" = 0 ]; then
	user=(--user=mysql) # mariadbd refuses to be root
	chmod 711 "$dir" sock
	chown mysql mysql sock
fi
[ -d mysql/mysql ] || mariadb-install-db --no-defaults "${user[@]}" --datadir="$dir/mysql" --auth-root-authentication-method=normal --skip-test-db > mysql-install.log 2>&1 ||
	fail "no database could be made, see $dir/mysql-install.log"
run mariadbd --no-defaults "${user[@]}" --datadir="$dir/mysql" --socket="$dir/sock/mysqld.sock" --skip-networking --pid-file="$dir/mysql/pid" > mysql.log 2>&1
sql() { mariadb --no-defaults -u root -S "$dir/sock/mysqld.sock" -e "$1"; }
answers() { for _ in $(seq 100); do "$@" > /dev/null 2>&1 && return; sleep 0.2; done; return 1; }
answers sql 'SELECT 1' || fail "MariaDB does not answer, see $dir/mysql.log"
answers redis-cli -p 6390 ping || fail "Redis does not answer, see $dir/redis.log"
sql "CREATE DATABASE IF NOT EXISTS class5 CHARACTER SET utf8mb4; CREATE USER IF NOT EXISTS class5@localhost; GRANT ALL ON class5.* TO class5@localhost"

run ./web -config web.yaml
answers curl -sf http://127.0.0.1:9192/readyz || fail "web is not ready"
run ./lb -config lb.yaml
answers curl -sf http://127.0.0.1:9190/readyz || fail "lb is not ready"
run ./proxy -config proxy.yaml
answers curl -sf http://127.0.0.1:9191/readyz || fail "proxy is not ready"
answers curl -sf http://127.0.0.1:9190/readyz || fail "lb does not find the proxy"
echo "three nodes run in $dir: SIP 127.0.0.1:6060, panel http://127.0.0.1:8180/"
wait -n || true
