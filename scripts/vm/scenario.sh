# What the guest does, as root, with `sh -eu`. Written before it: PORT2, the second gateway.
# `host kill N`, `host start N` and `host kill-gateway N` are done by scripts/vm/test.mjs.

tree() {   # tree FOLDER: files of many sizes
  mkdir -p "$1"/d0 "$1"/d1 "$1"/d2
  i=0
  while [ $i -lt 18 ]; do
    dd if=/dev/urandom of="$1"/d$((i % 3))/f$i bs=64k count=16 2>/dev/null
    i=$((i + 1))
  done
  i=0
  while [ $i -lt 150 ]; do echo "small file $i" >"$1"/d0/s$i; i=$((i + 1)); done
  rm "$1"/d0/s1*
}
sums() { ( cd /mnt && find . -type f | sort | xargs sha256sum ); }
check_sums() {   # check_sums FILE
  ( cd /mnt && sha256sum -c "$1" ) >/tmp/check 2>&1 || { grep -v ': OK' /tmp/check; die "a file differs"; }
  echo "$(wc -l <"$1") files verified"
}
clean() { fsck.ext4 -f -n $DEV >/tmp/fsck 2>&1 || { cat /tmp/fsck; die "fsck.ext4 finds faults"; }; }

step "attach through gateway 1"
nbd_up -C 4
echo "$DEV: $(($(blockdev --getsize64 $DEV) >> 20)) MiB, $(blockdev --getss $DEV)-byte sectors"
step "mkfs.ext4, mount"
mkfs.ext4 -q -F $DEV
mount -t ext4 $DEV /mnt
step "write a tree while process 2 is killed"
( sleep 1; host kill 2 ) &
tree /mnt/first
sync
wait
sums >/tmp/sums1
umount /mnt
step "fsck"
clean
nbd_down
host start 2

step "attach through gateway 2 while process 3 is killed"
host kill 3
nbd_up_2() { nbd-client -N "$EXPORT" -b 4096 -C 4 "$HOST" "$PORT2" "$DEV"; }
nbd_up_2
mount -t ext4 $DEV /mnt
check_sums /tmp/sums1
umount /mnt
clean
nbd_down
host start 3
[ -z "$(kernel_errors)" ] || die "the kernel complained"

step "attach to both gateways at once"
allow_kernel_errors
/host/nbd-many $DEV "$EXPORT" 5 $HOST:$PORT $HOST:$PORT2
mount -t ext4 $DEV /mnt
check_sums /tmp/sums1
step "write another tree while gateway 1 is killed"
( sleep 1; host kill-gateway 1 ) &
tree /mnt/second
sync
wait
sums >/tmp/sums2
umount /mnt
step "fsck, mount again, verify"
clean
drop_caches
mount -t ext4 $DEV /mnt
check_sums /tmp/sums2
umount /mnt
nbd_down
# That a connection broke is news to the kernel; an I/O error it must not come to.
! dmesg | grep -E 'I/O error|EXT4-fs.*error|JBD2|BUG:|WARNING:|Oops' || die "I/O errors"
step "done"
