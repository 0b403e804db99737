#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that binancefeeder is built and tested with, only those that are missing, and says which.
# Without root and without sudo it prints the command and stops.
set -eu

packages="gcc make pkg-config clang libclang-rt-14-dev clang-format python3 python3-venv ca-certificates
libevent-dev libcurl4-openssl-dev libwebsockets-dev libcap-dev libnanomsg-dev libcjson-dev libyaml-dev libsqlite3-dev
libsnappy-dev libmsgpack-dev libssl-dev zlib1g-dev libcmocka-dev"

missing=""
for package in $packages; do
        state=$(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null || true)
        case "$state" in ii*) ;; *) missing="$missing $package" ;; esac
done
if [ -z "$missing" ]; then
        exit 0
fi

command="apt-get install -y --no-install-recommends$missing"
if [ "$(id -u)" = 0 ]; then
        as_root=""
elif command -v sudo >/dev/null 2>&1; then
        as_root="sudo"
else
        echo "deps: these packages are missing and only root can install them; run as root:" >&2
        echo "  apt-get update && $command" >&2
        exit 1
fi
echo "deps: installing$missing"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
$as_root $command
