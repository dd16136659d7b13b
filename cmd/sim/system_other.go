//go:build !linux

package main

func wantLargePages() {}

func memoryFree() uint64 { return 0 }
