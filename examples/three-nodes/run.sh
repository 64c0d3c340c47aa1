#!/usr/bin/env bash
# Starts a platform of three processes on one machine, with a Redis and a
# MariaDB of its own in the directory given (default: a new temporary one).
# Needs Debian's redis-server and mariadb-server, and Go. Ctrl-C stops all.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=${1:-$(mktemp -d)}
mkdir -p "$dir"
cd "$dir"
(cd "$here" && go build -o "$dir/" ../../cmd/lb ../../cmd/proxy ../../cmd/web)
umask 077
[ -e edge.key ] || head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' > edge.key
[ -e live.token ] || head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n' > live.token
for f in lb proxy web; do [ -e $f.yaml ] || sed "s#mysqld.sock#$dir/mysqld.sock#" "$here/$f.yaml" > $f.yaml; done

pids=()
stop() { trap - EXIT INT TERM; for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done; wait; }
trap stop EXIT INT TERM

redis-server --port 6379 --bind 127.0.0.1 --dir "$dir" --save '' --appendonly yes > redis.log 2>&1 & pids+=($!)
user=()
if [ "$(id -u)" = 0 ]; then user=(--user=mysql); chmod 711 "$dir"; install -d -o mysql -m 700 mysql; else mkdir -p mysql; fi
[ -d mysql/mysql ] || mariadb-install-db "${user[@]}" --datadir="$dir/mysql" --auth-root-authentication-method=normal --skip-test-db > mysql-install.log 2>&1
install -d -m 711 sock; if [ ${#user[@]} -gt 0 ]; then chown mysql sock; fi
mariadbd "${user[@]}" --no-defaults --datadir="$dir/mysql" --socket="$dir/sock/mysqld.sock" --skip-networking --pid-file="$dir/mysql/pid" > mysql.log 2>&1 & pids+=($!)
for i in $(seq 100); do [ -S sock/mysqld.sock ] && mariadb --no-defaults -u root -S sock/mysqld.sock -e 'SELECT 1' >/dev/null 2>&1 && break; sleep 0.2; done
ln -sf sock/mysqld.sock mysqld.sock
mariadb --no-defaults -u root -S sock/mysqld.sock -e "CREATE DATABASE IF NOT EXISTS class5 CHARACTER SET utf8mb4; CREATE USER IF NOT EXISTS class5@localhost; GRANT ALL ON class5.* TO class5@localhost"

./web -config web.yaml & pids+=($!)
for i in $(seq 100); do curl -sf http://127.0.0.1:9192/readyz >/dev/null && break; sleep 0.2; done
./proxy -config proxy.yaml & pids+=($!)
./lb -config lb.yaml & pids+=($!)
echo "three nodes run in $dir: SIP 127.0.0.1:6060, panel http://127.0.0.1:8180/"
wait
