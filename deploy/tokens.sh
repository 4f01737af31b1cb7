#!/bin/sh
# SoftHSM's tokens between the room of a ceremony, where one account holds all three, and the signers' own folders, where each
# belongs to one. For hardware there is nothing to hand over. As root, for only root gives
# files away, and with the signers stopped:
#   deploy/tokens.sh gather      copies the signers' tokens into the room; theirs stay as they are
#   deploy/tokens.sh hand-out    puts the room's tokens in their place, owned by whoever owns the signer's folder
# IGC_STATE is /var/lib/igc-sante unless set: the room is its folder root/tokens. The root's token never leaves it.
set -eu

state=${IGC_STATE:-/var/lib/igc-sante}
room=$state/root/tokens

die() {
  printf 'tokens: %s\n' "$*" >&2
  exit 1
}

# Only over what belongs to the owner of the signer's folder, and leads nowhere else: its account could have put a link there, by which
# root would write, or give away, something that is another's.
check() { # FOLDER
  [ -d "$1" ] && [ ! -L "$1" ] || die "$1 is no folder"
  if [ ! -e "$1/tokens" ] && [ ! -L "$1/tokens" ]; then return; fi
  [ -d "$1/tokens" ] && [ ! -L "$1/tokens" ] || die "$1/tokens is no folder, but a link or a file: look who put it there"
  strange=$(find "$1/tokens" \( ! -type d ! -type f -o -type f -links +1 -o ! -user "$(stat -c %u "$1")" \) -print)
  [ -z "$strange" ] || die "in $1/tokens is a link, or what is another account's: $strange"
}

# The folder of the token with this label, if it is here; SoftHSM names folders by serial number.
token_in() { # FOLDER NAME
  for object in "$1"/*/token.object; do
    if [ -f "$object" ] && grep -q "igc-sante-$2" "$object"; then dirname -- "$object"; fi
  done
}

# By way of a folder beside, so that SoftHSM never sees half a token. If we stop here, the next call begins anew.
copy() { # FROM FOLDER
  rm -rf "$2/half-token"
  cp -Rp "$1" "$2/half-token"
  mkdir -p "$2/tokens"
  rm -rf "$2/tokens/$(basename -- "$1")"
  mv "$2/half-token" "$2/tokens/$(basename -- "$1")"
}

gather() { # NAME
  if [ ! -e "$state/$1" ]; then return; fi
  check "$state/$1"
  from=$(token_in "$state/$1/tokens" "$1")
  if [ -z "$from" ]; then return; fi
  if [ -n "$(token_in "$room" "$1")" ]; then
    die "$room and $from both hold the token igc-sante-$1: remove the older of the two"
  fi
  copy "$from" "$state/root"
}

hand_out() { # NAME
  from=$(token_in "$room" "$1")
  if [ -z "$from" ]; then return; fi
  [ -d "$state/$1" ] || die "$state/$1 is missing: it belongs to the signer of this token"
  check "$state/$1"
  copy "$from" "$state/$1"
  chown -hR --reference="$state/$1" "$state/$1/tokens"
  chmod 700 "$state/$1/tokens"
  # If we stop before this line, the next `gather` says that there are two, which are the same.
  rm -rf "$from"
}

case ${1:-} in
  gather)
    mkdir -p "$room"
    chmod 700 "$state/root" "$room"
    for name in issuing ocsp; do gather "$name"; done
    ;;
  hand-out) for name in issuing ocsp; do hand_out "$name"; done ;;
  *) die 'usage: deploy/tokens.sh gather | hand-out' ;;
esac
