//go:build !js

package core

import "crypto/sha1"

// sha1Sum has a twin for js in sha1_js.go.
func sha1Sum(b []byte) ID { return sha1.Sum(b) }
