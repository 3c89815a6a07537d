package pgproc

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// owner is the operating system user that the server runs as. PostgreSQL refuses to run as root, so that root has to
// become somebody else; everybody else stays who they are.
type owner struct {
	name     string
	uid, gid int
	drop     bool
}

func runAs() (owner, error) {
	if uid := os.Geteuid(); uid != 0 {
		return owner{name: "uid " + strconv.Itoa(uid), uid: uid, gid: os.Getegid()}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.Atoi(u.Uid)
		gid, errGID := strconv.Atoi(u.Gid)
		if errUID == nil && errGID == nil && uid != 0 {
			return owner{name: name, uid: uid, gid: gid, drop: true}, nil
		}
	}
	return owner{}, errors.New("PostgreSQL refuses to run as root and this machine has neither a user postgres nor nobody: run this as an ordinary user")
}

// runs makes a program run as the owner.
func (o owner) runs(cmd *exec.Cmd) {
	if o.drop {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(o.uid), Gid: uint32(o.gid)}} //nolint:gosec // ids from the user database
	}
}

// give makes the owner the owner of a path.
func (o owner) give(path string) error {
	if !o.drop {
		return nil
	}
	return os.Chown(path, o.uid, o.gid)
}

// canReach says which directory on the way to dir the owner cannot enter. Only root's choice of directories needs it:
// a home directory such as /root is closed to the user that the server runs as.
func (o owner) canReach(dir string) error {
	if !o.drop {
		return nil
	}
	for d := dir; ; d = filepath.Dir(d) {
		info, err := os.Stat(d)
		if err != nil {
			return err
		}
		if !o.canEnter(info) {
			return fmt.Errorf("user %s, as whom the server runs because it refuses root, cannot enter %s: choose a directory outside of it, such as one under /var/tmp", o.name, d)
		}
		if d == filepath.Dir(d) {
			return nil
		}
	}
}

func (o owner) canEnter(info os.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return true
	}
	const ownerExec, groupExec, otherExec = 0o100, 0o010, 0o001
	switch mode := info.Mode().Perm(); {
	case int(st.Uid) == o.uid:
		return mode&ownerExec != 0
	case int(st.Gid) == o.gid:
		return mode&groupExec != 0
	default:
		return mode&otherExec != 0
	}
}
