package main

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
)

// minSecret is the least length of a secret, in bytes.
const minSecret = 16

// readSecret returns the secret in a file, and creates the file if it is missing. Without
// a name it returns nil.
func readSecret(name string, log *slog.Logger) ([]byte, error) {
	if name == "" {
		return nil, nil
	}
	b, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		b, err = createSecret(name)
	}
	if err != nil {
		return nil, fmt.Errorf("--secret-file: %w", err)
	}
	if b = bytes.TrimSpace(b); len(b) < minSecret {
		return nil, fmt.Errorf("--secret-file: %s has %d bytes, want at least %d: remove it to get a new one",
			name, len(b), minSecret)
	}
	if info, err := os.Stat(name); err == nil && info.Mode().Perm()&0o077 != 0 {
		log.Warn("secret file is open to other users", "file", name, "mode", info.Mode().Perm())
	}
	return b, nil
}

// createSecret writes a new secret to a file that only this user can read.
func createSecret(name string) ([]byte, error) {
	b := make([]byte, 32)
	rand.Read(b)
	b = append(hex.AppendEncode(nil, b), '\n')
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = f.Write(b)
	return b, errors.Join(err, f.Close())
}
