package probes

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/throughline/throughline/probes/process"
)

// errGone: the descriptor is not what it was when the sockets were listed.
var errGone = errors.New("closed meanwhile")

// borrow gives the agent a descriptor of a process's socket (pidfd_getfd, Linux 5.6). It
// has to be closed at once: the socket lives as long as it is open anywhere.
func borrow(pidfd int, s process.Socket) (int, error) {
	fd, err := unix.PidfdGetfd(pidfd, s.FD, 0)
	if errors.Is(err, unix.EBADF) {
		return -1, errGone
	}
	if err != nil {
		return -1, err
	}
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil || stat.Ino != s.Inode {
		unix.Close(fd)
		return -1, errGone
	}
	return fd, nil
}
