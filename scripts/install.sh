# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # variables that setup.sh reads or sets
# What set-up does when something is missing; sourced by setup.sh, whose functions look for it. Runs apart from the shell that
# sources set-up, so that a signal ends it together with what it started.

igc_log=$igc_root/var/setup.log

igc_install() {
  trap 'igc_end_child; exit 143' HUP INT TERM
  trap 'igc_unlock' EXIT
  igc_child='' igc_apt_done='' igc_locked='' igc_started=$(date +%s)
  mkdir -p "$igc_root/var" || exit 69
  igc_lock
  : >"$igc_log"
  igc_look
  if [ -n "$igc_lack" ] && igc_is_root && igc_has apt-get; then
    # shellcheck disable=SC2086 # a list of words
    igc_install_debian_packages $igc_lack
    igc_apt_done=yes
    igc_look
  fi
  if [ -n "$igc_lack" ]; then igc_name_what_is_missing; fi
  igc_prepare_npm
  case "$igc_todo" in *node*) igc_install_node ;; esac
  case "$igc_todo" in *packages*) igc_install_packages ;; esac
  case "$igc_todo" in *softhsm*) igc_install_softhsm ;; esac
  case "$igc_todo" in *postgres*) igc_install_postgres ;; esac
  igc_say "ready after $(($(date +%s) - igc_started)) s"
}

igc_lock() {
  until mkdir "$igc_root/var/setup.lock" 2>/dev/null; do
    igc_owner=$(cat "$igc_root/var/setup.lock/pid" 2>/dev/null)
    if [ -n "$igc_owner" ] && ! kill -0 "$igc_owner" 2>/dev/null; then
      rm -rf "$igc_root/var/setup.lock"
      continue
    fi
    [ -n "${igc_waiting:-}" ] || igc_say 'waiting for another set-up of this checkout to end (remove var/setup.lock if there is none)'
    igc_waiting=yes
    sleep 1
  done
  igc_locked=yes
  sh -c 'echo "$PPID"' >"$igc_root/var/setup.lock/pid"
}
igc_unlock() { if [ -n "$igc_locked" ]; then rm -rf "$igc_root/var/setup.lock"; fi; }

# npm would take its time to undo what it did; without a stamp the next set-up does it again anyway. Its children end with it: where
# the system has setsid, a step that becomes npm has a process group of its own.
igc_end_child() {
  if [ -z "$igc_child" ]; then return; fi
  kill -s KILL -- "-$igc_child" 2>/dev/null || kill "$igc_child" 2>/dev/null
  wait "$igc_child"
}

# Says what is done, does it with its output in the log, and shows the end of the log when it fails.
igc_step() {
  igc_say "$1 …"
  igc_text=$1 igc_since=$(date +%s)
  shift
  "$@" >>"$igc_log" 2>&1 &
  igc_child=$!
  if wait "$igc_child"; then
    igc_say "    $(($(date +%s) - igc_since)) s"
    return
  fi
  tail -n 20 "$igc_log" >&2
  igc_say "failed: $igc_text (all its output is in $igc_log)"
  exit 69
}

igc_name_what_is_missing() {
  if [ "$igc_system" = Darwin ]; then
    igc_command='brew install'
    for igc_word in $igc_lack; do
      case $igc_word in
        nodejs | npm) igc_word=node@24 ;;
        softhsm2) igc_word=softhsm ;;
        gnutls-bin) igc_word=gnutls ;;
        slapd | ldap-utils) igc_word=openldap ;;
        opensc*) igc_word=opensc ;;
        p11-kit*) igc_word=p11-kit ;;
        openssl) igc_word=openssl@3 ;;
        postgresql) igc_word=postgresql@17 ;;
        python3) igc_word=python ;;
        default-jdk-headless) igc_word=openjdk ;;
        golang-go) igc_word=go ;;
        python3-cryptography) igc_word=cryptography ;;
        g++) igc_command="xcode-select --install && $igc_command" && continue ;;
      esac
      igc_command="$igc_command $igc_word"
    done
  elif igc_has apt-get; then
    igc_command="apt-get install$igc_lack (as root)"
  else
    igc_command="the system's package manager, under its names for these Debian packages"
  fi
  case "$igc_lack " in *' nodejs '*) igc_say 'Node 24.21 or later is needed' ;; esac
  igc_say "missing:$igc_lack; install with: $igc_command"
  exit 69
}

# Daemons are kept from starting, and a first cluster from being made, by commands of the same names that do nothing: nothing is
# left behind in the system's configuration, however this ends. Runs in the foreground: dpkg is never interrupted half-way.
igc_install_debian_packages() {
  igc_idle=$igc_root/var/idle-commands
  mkdir -p "$igc_idle"
  for igc_tool in invoke-rc.d deb-systemd-invoke service systemctl pg_createcluster; do
    printf '#!/bin/sh\nexit 0\n' >"$igc_idle/$igc_tool"
    chmod 755 "$igc_idle/$igc_tool"
  done
  igc_say "apt-get installs $* …"
  igc_since=$(date +%s)
  ls /var/lib/apt/lists/*Packages* >/dev/null 2>&1 || apt-get update -q >>"$igc_log" 2>&1
  if ! igc_apt_install "$@"; then
    # perhaps the lists are too old
    apt-get update -q >>"$igc_log" 2>&1
    if ! igc_apt_install "$@"; then
      tail -n 20 "$igc_log" >&2
      igc_say "failed: apt-get install $* (all its output is in $igc_log)"
      exit 69
    fi
  fi
  rm -rf "$igc_idle"
  igc_say "    $(($(date +%s) - igc_since)) s"
}
igc_apt_install() {
  PATH=$igc_idle:$PATH DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 apt-get install -qy --no-install-recommends \
    -o "DPkg::Path=$igc_idle:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" -o DPkg::Use-Pty=0 \
    -o DPkg::Lock::Timeout=300 "$@" >>"$igc_log" 2>&1 </dev/null
}

igc_prepare_npm() {
  # set by the npm that runs us for its own node-gyp; the one that builds must use its own (Debian's links addons to another Node)
  unset npm_config_node_gyp
  if [ -z "${NODE_EXTRA_CA_CERTS:-}" ]; then export NODE_USE_SYSTEM_CA=1; fi
}
# The last words of a step. The lockfile, not a setting of the machine, says what is installed.
igc_npm_ci() {
  cd "$igc_root/$1" || return
  shift
  set -- npm ci --include=dev --include=optional --loglevel=error "$@"
  if igc_has setsid; then exec setsid "$@"; else exec "$@"; fi
}

igc_install_node() {
  igc_step 'npm fetches Node (the machine has none of 24.21 or later)' igc_npm_ci scripts/node --ignore-scripts --engine-strict=false
  igc_mark_current scripts/node
  igc_look_for_node
  if ! igc_is_recent_node "$igc_node_version"; then
    igc_say "missing: Node 24.21 or later; the one in $igc_own_node does not run here"
    exit 69
  fi
}

igc_install_packages() {
  igc_step 'npm fetches the packages and builds pkcs11js' igc_npm_ci .
  igc_step 'loading pkcs11js' igc_load_pkcs11js
  igc_mark_current . "$igc_node_version"
}
igc_load_pkcs11js() { cd "$igc_root" && node -e 'require("pkcs11js")'; }

igc_install_softhsm() {
  igc_step 'apt-get fetches SoftHSM into the checkout' igc_unpack_softhsm
  igc_look_for_softhsm
  if [ -z "${PKCS11_MODULE:-}" ] || LC_ALL=C ldd "$PKCS11_MODULE" | grep 'not found' >&2; then
    rm -rf "$igc_root/var/softhsm"
    igc_lack=' softhsm2'
    igc_name_what_is_missing
  fi
}
igc_unpack_softhsm() {
  rm -rf "$igc_root/var/softhsm" "$igc_root/var/apt"
  mkdir -p "$igc_root/var/apt/lists/partial" "$igc_root/var/apt/cache/archives/partial" && cd "$igc_root/var/apt" || return
  # the system's package lists, or else our own
  apt-get download libsofthsm2 || { igc_private_apt update && igc_private_apt download libsofthsm2; } || return
  mkdir unpacked && dpkg-deb -x libsofthsm2_*.deb unpacked && mv unpacked "$igc_root/var/softhsm" && rm -rf "$igc_root/var/apt"
}

igc_private_apt() { apt-get -o "Dir::State::Lists=$igc_root/var/apt/lists" -o "Dir::Cache=$igc_root/var/apt/cache" "$@"; }

igc_install_postgres() {
  igc_step 'npm fetches PostgreSQL into the checkout' igc_npm_ci scripts/postgres --ignore-scripts
  igc_step 'linking its libraries' igc_link_libraries
  igc_mark_current scripts/postgres
}
# What its install script does, and no more: a package cannot hold symbolic links.
igc_link_libraries() { cd "${igc_embedded%/native/bin}" && node scripts/hydrate-symlinks.js; }
