package cluster

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"
)

// ErrRefused means that an invitation was used already, has expired, or its node was started anew since.
var ErrRefused = errors.New("cluster: the invitation is not good any more: it is for one machine, for a limited time, and ends when the node that made it is stopped")

// ErrOlderSecret means that the node that made an invitation has missed the replacement of the secret which this one has seen.
var ErrOlderSecret = errors.New("cluster: the node that made the invitation has an older secret than this one")

// ErrNotReached means that at no address of an invitation the node was found that made it.
var ErrNotReached = errors.New("cluster: the node that made the invitation was not reached")

// joinTimeout is for each address of a token.
const joinTimeout = 10 * time.Second

// Join fetches the secret from the node that made the token, and leaves all that [Open] needs in dir. A node of the same cluster that was away while the secret
// was replaced gets the new one, and one that has lost the secret gets it again. It returns [ErrSecretExists] rather than replace the secret of another
// cluster, and [ErrOlderSecret] rather than replace a newer one; the errors [ErrToken], [ErrExpired], [ErrRefused] say what is wrong with a token,
// and [ErrNotReached], with [ErrOtherNode] if somebody else answers, that it leads nowhere.
func Join(ctx context.Context, tokenText, dir string) error {
	t, err := parseToken(tokenText)
	if err != nil {
		return err
	}
	if t.expired(time.Now()) {
		return fmt.Errorf("%w, at %s by the clock here", ErrExpired, time.Unix(t.Expires, 0).Format(time.DateTime))
	}
	// The code is good once: nothing that can be known before may go wrong after it is used.
	had, err := loadKeys(dir)
	lost := errors.Is(err, ErrNoSecret)
	if lost {
		had, err = readState(dir)
		if met := metCluster(dir); err == nil && had == nil && met != "" {
			had = &keys{dir: dir, cluster: met}
		}
	}
	if err != nil {
		return err
	}
	if had != nil && t.Cluster != "" && had.cluster != t.Cluster {
		return otherCluster(dir)
	}
	if err := tryWriting(dir); err != nil {
		return fmt.Errorf("write in the data directory: %w", err)
	}
	var errs []error
	for _, addr := range t.Addresses {
		ks, peers, err := fetch(ctx, t, addr)
		if errors.Is(err, ErrRefused) {
			return err
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("ask %s: %w", addr, err))
			continue
		}
		if had != nil && had.cluster != ks.cluster {
			return otherCluster(dir)
		}
		if had != nil {
			newest, err := had.newer(ks)
			if err != nil {
				return err
			}
			if !lost { // else nobody knows which of its keys is in use
				ks = newest
			}
		}
		ks.dir = dir
		if err := savePeers(dir, ks.cluster, peers); err != nil {
			return err
		}
		ks.mu.Lock()
		defer ks.mu.Unlock()
		return ks.saveLocked()
	}
	return fmt.Errorf("%w: %w", ErrNotReached, errors.Join(errs...))
}

func otherCluster(dir string) error {
	return fmt.Errorf("%w, of another cluster, in %s: remove it, and %s, if this machine is to change to that of the invitation", ErrSecretExists,
		filepath.Join(dir, secretFile), stateFile)
}

func tryWriting(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	path := filepath.Join(dir, "join.tmp")
	if err := writePrivate(path, nil); err != nil {
		return err
	}
	return os.Remove(path)
}

func fetch(ctx context.Context, t token, addr string) (*keys, []savedPeer, error) {
	ctx, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	d := tls.Dialer{NetDialer: &net.Dialer{}, Config: joinTLS([32]byte(t.Fingerprint))}
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, nil, err
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return nil, nil, err
	}
	if _, err := conn.Write(appendFrame(nil, frameCode, t.Code)); err != nil {
		return nil, nil, err
	}
	kind, body, err := readFrame(bufio.NewReader(conn), maxWelcome)
	if err != nil {
		return nil, nil, err
	}
	if kind != frameWelcome {
		return nil, nil, fmt.Errorf("%w: kind %d", errFrame, kind)
	}
	return decodeWelcome(body)
}
