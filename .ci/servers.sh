# Sourced: installs and starts the servers that the machine lacks, and names them in the environment.
# Debian's packages, on their standard ports; a server that runs already is used as it is.

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

listens() {
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

await_port() {
    for _ in $(seq 120); do
        if listens "$1"; then return 0; fi
        sleep 0.5
    done
    echo "Nothing listens on port $1 a minute after its server was started." >&2
    return 1
}

install_missing() {
    local packages=()
    command -v chromium >/dev/null || packages+=(chromium)
    command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || packages+=(nginx-light)
    command -v pg_ctlcluster >/dev/null || packages+=(postgresql)
    command -v mariadbd >/dev/null || [ -x /usr/sbin/mariadbd ] || packages+=(mariadb-server)
    command -v redis-server >/dev/null || packages+=(redis-server)
    command -v rabbitmq-server >/dev/null || [ -x /usr/sbin/rabbitmq-server ] || packages+=(rabbitmq-server)
    # MariaDB's driver is compiled.
    command -v mariadb_config >/dev/null || packages+=(default-libmysqlclient-dev)
    command -v pkg-config >/dev/null || packages+=(pkg-config)
    command -v gcc >/dev/null || packages+=(gcc libc6-dev)
    if [ "${#packages[@]}" -gt 0 ]; then
        echo "Installing ${packages[*]}"
        as_root apt-get update -qq
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${packages[@]}" >/dev/null
    fi
}

start_missing() {
    if ! listens 5432; then as_root service postgresql start; await_port 5432; fi
    if ! listens 3306; then as_root service mariadb start; await_port 3306; fi
    if ! listens 6379; then as_root redis-server --daemonize yes --bind 127.0.0.1 --save '' --appendonly no; await_port 6379; fi
    if ! listens 5672; then as_root rabbitmq-server -detached; await_port 5672; fi
}

make_accounts() {
    # Over TCP where everybody is trusted, else as the server's own user.
    local sql="CREATE ROLE zenvia SUPERUSER LOGIN PASSWORD 'zenvia'"
    if ! PGPASSWORD=zenvia psql -h 127.0.0.1 -U zenvia -d postgres -c '' >/dev/null 2>&1; then
        psql -h 127.0.0.1 -U postgres -d postgres -w -qc "$sql" 2>/dev/null ||
            as_root su postgres -c "psql -qc \"$sql\""
    fi
    as_root mariadb -e "
        CREATE USER IF NOT EXISTS zenvia@'127.0.0.1' IDENTIFIED BY 'zenvia';
        CREATE USER IF NOT EXISTS zenvia@localhost IDENTIFIED BY 'zenvia';
        GRANT ALL ON *.* TO zenvia@'127.0.0.1'; GRANT ALL ON *.* TO zenvia@localhost;"
}

install_missing
start_missing
make_accounts

export TEST_POSTGRES_URL=postgres://zenvia:zenvia@127.0.0.1:5432/postgres
export TEST_MARIADB_URL=mysql://zenvia:zenvia@127.0.0.1:3306/mysql
export TEST_REDIS_URL=redis://127.0.0.1:6379/9
export TEST_RABBITMQ_URL=amqp://guest:guest@127.0.0.1:5672//
