package core

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestValueSetOnOneNodeIsFoundFromAllOthers(t *testing.T) {
	for _, size := range []int{1, 2, 3, 20, 21, 60} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			net := newTestNet(t, byte(size))
			nodes := net.grow(size, Config{})
			key, want := Key("answer"), Int(42)

			stored, _, err := net.set(nodes[size-1], key, want)
			if err != nil || stored != min(size, 20) {
				t.Fatalf("Set = %d, %v, want %d nodes", stored, err, min(size, 20))
			}

			for i, e := range nodes {
				if f, _, err := net.get(e, key); err != nil || f.Value != want {
					t.Errorf("node %d: Get = %v, %v, want %v", i, f.Value.Text(), err, want.Text())
				}
			}
		})
	}
}

func TestGetOfNothing(t *testing.T) {
	net := newTestNet(t, 1)
	nodes := net.grow(30, Config{})
	_, took, err := net.get(nodes[3], Key("nothing"))
	if !errors.Is(err, ErrNotFound) {
		t.Errorf("Get error = %v, want %v", err, ErrNotFound)
	}
	if took > time.Second {
		t.Errorf("Get took %v in a healthy network", took)
	}
}

func TestDeadNodesHoldNobodyUp(t *testing.T) {
	net := newTestNet(t, 2)
	nodes := net.grow(100, Config{})
	var keys []ID
	for i := range 50 {
		key := Key(fmt.Sprint("key ", i))
		keys = append(keys, key)
		if _, _, err := net.set(nodes[i], key, Int(int64(i))); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range nodes[70:] {
		net.stop(e)
	}
	for i, key := range keys {
		f, took, err := net.get(nodes[(i*7)%70], key)
		if err != nil || f.Value != Int(int64(i)) {
			t.Errorf("Get of key %d = %v, %v", i, f.Value.Text(), err)
		}
		if took > 2*time.Second {
			t.Errorf("Get of key %d took %v", i, took)
		}
	}
	stored, took, err := net.set(nodes[0], Key("new"), Bool(true))
	if err != nil || stored != 20 {
		t.Errorf("Set = %d, %v, want 20 nodes", stored, err)
	}
	if took > 3*time.Second {
		t.Errorf("Set took %v", took)
	}
}
