package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	randv2 "math/rand/v2"
	"os"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

// batchSize is no multiple of a tile's width, so that batches leave partial tiles behind, as those of a real log do.
const batchSize = 3_000

func keygen(origin, keyFile string) error {
	secret, vkey, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		return err
	}
	if err := os.WriteFile(keyFile, []byte(secret+"\n"), 0o600); err != nil {
		return err
	}
	fmt.Println(vkey)
	return nil
}

// write appends to tessera's POSIX store in dir, and returns when a checkpoint commits to all of it.
func write(ctx context.Context, dir, keyFile string, size uint64, change int64) error {
	secret, err := os.ReadFile(keyFile)
	if err != nil {
		return err
	}
	signer, err := note.NewSigner(string(bytes.TrimSpace(secret)))
	if err != nil {
		return fmt.Errorf("%s: %w", keyFile, err)
	}
	driver, err := posix.New(ctx, posix.Config{Path: dir})
	if err != nil {
		return err
	}
	options := tessera.NewAppendOptions().
		WithCheckpointSigner(signer).
		WithBatching(batchSize, 100*time.Millisecond).
		WithCheckpointInterval(100 * time.Millisecond)
	appender, shutdown, log, err := tessera.NewAppender(ctx, driver, options)
	if err != nil {
		return err
	}
	start, err := log.IntegratedSize(ctx)
	if err != nil {
		return err
	}
	var futures []tessera.IndexFuture
	for n := start; n < size; n++ {
		futures = append(futures, appender.Add(ctx, tessera.NewEntry(entry(n, change))))
	}
	for n, future := range futures {
		index, err := future()
		if err != nil {
			return fmt.Errorf("entry %d: %w", start+uint64(n), err)
		}
		if want := start + uint64(n); index.Index != want {
			return fmt.Errorf("entry %d was given index %d", want, index.Index)
		}
	}
	return shutdown(ctx)
}

// entry is the n-th entry of every log that write makes: the same bytes each time. Entries are as long as any may be, and
// some are equal.
func entry(n uint64, change int64) []byte {
	length := n * 37 % 400
	switch {
	case n == 20:
		length = 0
	case n == 21:
		length = tessera.DefaultEntrySizeLimit
	case n%1000 == 500:
		n, length = 1, 37 // A log without deduplication has one entry many times,
	case n%1000 == 601:
		n, length = n-1, (n-1)*37%400 // and twice in a row.
	}
	var seed [32]byte
	binary.BigEndian.PutUint64(seed[:], n)
	if change >= 0 && n == uint64(change) {
		seed[8] = 1
	}
	data := make([]byte, length)
	_, _ = randv2.NewChaCha8(seed).Read(data) // It never fails.
	return data
}
