#!/bin/sh
# Holds the namespaces of one job until its standard input ends: hold.sh FOLDER [--MODE WORD...]...
#
# It enters the job's folder first: whatever is then mounted over the folder's path, `.` still is the folder, and
# can be mounted back at its place (unless mount makes a path of it again: hence `-c`). Its own number, the answer
# that it gives, has to be read before a new /proc is mounted.
read -r pid _ < /proc/self/stat
cd "$1" || exit 1
shift
job=$(pwd -P)
for word in "$@"; do
  case $word in --*) mode=$word; count=0; continue ;; esac
  count=$((count + 1))
  case $mode in
    --keep) mkdir -p ".kept/$count" && mount --bind "$word" ".kept/$count" || exit 1 ;;
    --cover) [ ! -d "$word" ] || mount -t tmpfs -o size=64k,mode=755 none "$word" || exit 1 ;;
    --own) mount -c --bind tmp "$word" && mkdir -p "$job" && mount -c --bind . "$job" || exit 1 ;;
    --back) mkdir -p "$word" && mount -c --bind ".kept/$count" "$word" || exit 1 ;;
    --proc) mount -t proc proc "$word" 2>/dev/null ;;
    --lock) mount -o remount,bind,ro "$word" 2>/dev/null || [ "$word" != / ] || exit 1 ;;
  esac
done
ip link set lo up 2>/dev/null
echo "$pid"
read -r _
