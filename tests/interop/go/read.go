package main

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/api/layout"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// read verifies all of a log by sumdb/note, sumdb/tlog and tessera's client, and that it extends older checkpoints.
func read(ctx context.Context, location, vkey string, older []string) error {
	source, err := open(location)
	if err != nil {
		return err
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return fmt.Errorf("vkey: %w", err)
	}
	// Read once: a log may grow while it is read.
	raw, err := source.ReadCheckpoint(ctx)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	checkpoint, err := verify(ctx, raw, verifier)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	fmt.Printf("checkpoint: %s, %d entries\n", checkpoint.Origin, checkpoint.Size)
	l, err := newReader(ctx, source, checkpoint)
	if err != nil {
		return err
	}
	if err := l.entries(); err != nil {
		return err
	}
	if err := l.inclusion(); err != nil {
		return err
	}
	if err := l.consistency(); err != nil {
		return err
	}
	for _, file := range older {
		if err := l.extends(file, verifier); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	// Last, because it isn't made for logs in which much is wrong: it hangs.
	check := fsck.New(verifier.Name(), verifier, source, bundleHashes, fsck.Opts{N: 2})
	if err := check.Check(ctx); err != nil {
		return fmt.Errorf("fsck: %w", err)
	}
	fmt.Println("fsck: every tile is what the entries make")
	return nil
}

// open is tessera's own access to a log, over HTTP or in a folder.
func open(location string) (fsck.Fetcher, error) {
	if !strings.HasPrefix(location, "http") {
		return client.FileFetcher{Root: location}, nil
	}
	root, err := url.Parse(location)
	if err != nil {
		return nil, err
	}
	return client.NewHTTPFetcher(root, nil)
}

// verify opens a checkpoint by sumdb/note, and again by tessera's client, which parses it too.
func verify(ctx context.Context, raw []byte, verifier note.Verifier) (*log.Checkpoint, error) {
	opened, err := note.Open(raw, note.VerifierList(verifier))
	if err != nil {
		return nil, err
	}
	if verified, unknown := len(opened.Sigs), len(opened.UnverifiedSigs); verified != 1 || unknown != 0 {
		return nil, fmt.Errorf("expected one signature, got %d verified and %d by unknown keys", verified, unknown)
	}
	fetched := func(context.Context) ([]byte, error) { return raw, nil }
	checkpoint, _, _, err := client.FetchCheckpoint(ctx, fetched, verifier, verifier.Name())
	if err == nil && len(checkpoint.Hash) != tlog.HashSize {
		err = fmt.Errorf("expected a root of %d bytes, got %d", tlog.HashSize, len(checkpoint.Hash))
	}
	return checkpoint, err
}

// reader reads one log at one checkpoint: by tlog, whose hashes are all verified, and by tessera.
type reader struct {
	ctx        context.Context
	source     fsck.Fetcher
	checkpoint *log.Checkpoint
	root       tlog.Hash
	hashes     tlog.HashReader
	proofs     *client.ProofBuilder
}

func newReader(ctx context.Context, source fsck.Fetcher, checkpoint *log.Checkpoint) (*reader, error) {
	root := tlog.Hash(checkpoint.Hash)
	tree := tlog.Tree{N: int64(checkpoint.Size), Hash: root}
	hashes := tlog.TileHashReader(tree, &tiles{ctx, source, map[tlog.Tile][]byte{}})
	proofs, err := client.NewProofBuilder(ctx, checkpoint.Size, source.ReadTile)
	return &reader{ctx, source, checkpoint, root, hashes, proofs}, err
}

// entries hashes every entry out of its bundle and compares it with the tree's leaf.
func (l *reader) entries() error {
	size, bundles := l.checkpoint.Size, uint64(0)
	for first := uint64(0); first < size; first += layout.EntryBundleWidth {
		bundle, err := client.GetEntryBundle(l.ctx, l.source.ReadEntryBundle, bundles, size)
		if err != nil {
			return err
		}
		want := int(min(size-first, layout.EntryBundleWidth))
		if len(bundle.Entries) != want {
			return fmt.Errorf("bundle %d: expected %d entries, got %d", bundles, want, len(bundle.Entries))
		}
		var stored []int64
		for n := range want {
			stored = append(stored, tlog.StoredHashIndex(0, int64(first)+int64(n)))
		}
		leaves, err := l.hashes.ReadHashes(stored)
		if err != nil {
			return fmt.Errorf("leaves of bundle %d: %w", bundles, err)
		}
		for n, data := range bundle.Entries {
			if hash := tlog.RecordHash(data); hash != leaves[n] {
				return fmt.Errorf("entry %d: the tree has leaf %v, its bundle %v", first+uint64(n), leaves[n], hash)
			}
		}
		bundles++
	}
	fmt.Printf("entries: %d in %d bundles have the tree's hashes\n", size, bundles)
	return nil
}

// inclusion makes proofs by tlog and by tessera, which must be the same, and verifies them by both.
func (l *reader) inclusion() error {
	size := l.checkpoint.Size
	indices := spread(size)
	for _, index := range indices {
		leaves, err := l.hashes.ReadHashes([]int64{tlog.StoredHashIndex(0, int64(index))})
		if err != nil {
			return err
		}
		byTlog, err := tlog.ProveRecord(int64(size), int64(index), l.hashes)
		if err != nil {
			return err
		}
		byTessera, err := l.proofs.InclusionProof(l.ctx, index)
		if err != nil {
			return err
		}
		if err := same(byTlog, byTessera); err != nil {
			return fmt.Errorf("inclusion of %d: %w", index, err)
		}
		if err := tlog.CheckRecord(byTlog, int64(size), l.root, int64(index), leaves[0]); err != nil {
			return fmt.Errorf("inclusion of %d: %w", index, err)
		}
		if err := proof.VerifyInclusion(rfc6962.DefaultHasher, index, size, leaves[0][:], byTessera, l.root[:]); err != nil {
			return fmt.Errorf("inclusion of %d: %w", index, err)
		}
	}
	fmt.Printf("inclusion: %d indices proven\n", len(indices))
	return nil
}

// consistency proves that older trees of the log are the front of it.
func (l *reader) consistency() error {
	count := 0
	for _, old := range spread(l.checkpoint.Size) {
		if old == 0 {
			continue
		}
		root, err := tlog.TreeHash(int64(old), l.hashes)
		if err != nil {
			return err
		}
		if err := l.consistent(old, root); err != nil {
			return err
		}
		count++
	}
	fmt.Printf("consistency: with %d older sizes proven\n", count)
	return nil
}

// extends proves that the log extends a checkpoint in a file.
func (l *reader) extends(file string, verifier note.Verifier) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	older, err := verify(l.ctx, raw, verifier)
	if err != nil {
		return err
	}
	if err := l.consistent(older.Size, tlog.Hash(older.Hash)); err != nil {
		return err
	}
	fmt.Printf("extends: the checkpoint of %d entries\n", older.Size)
	return nil
}

func (l *reader) consistent(old uint64, oldRoot tlog.Hash) error {
	size := l.checkpoint.Size
	byTlog, err := tlog.ProveTree(int64(size), int64(old), l.hashes)
	if err != nil {
		return err
	}
	byTessera, err := l.proofs.ConsistencyProof(l.ctx, old, size)
	if err != nil {
		return err
	}
	if err := same(byTlog, byTessera); err != nil {
		return fmt.Errorf("consistency with %d: %w", old, err)
	}
	if err := tlog.CheckTree(byTlog, int64(size), l.root, int64(old), oldRoot); err != nil {
		return fmt.Errorf("consistency with %d: %w", old, err)
	}
	if err := proof.VerifyConsistency(rfc6962.DefaultHasher, old, size, byTessera, oldRoot[:], l.root[:]); err != nil {
		return fmt.Errorf("consistency with %d: %w", old, err)
	}
	return nil
}

// same compares a proof of tlog's with one of tessera's.
func same(a []tlog.Hash, b [][]byte) error {
	if !slices.EqualFunc(a, b, func(a tlog.Hash, b []byte) bool { return bytes.Equal(a[:], b) }) {
		return fmt.Errorf("tlog proves it by %v, tessera by %x", a, b)
	}
	return nil
}

// spread gives numbers below size, ascending: both sides of every power of two, and the last.
func spread(size uint64) []uint64 {
	all := []uint64{0, size - 1}
	for power := uint64(1); power < size; power *= 2 {
		all = append(all, power-1, power, power+1)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	return slices.DeleteFunc(all, func(n uint64) bool { return n >= size })
}

// bundleHashes are the leaf hashes of a bundle, for fsck.
func bundleHashes(raw []byte) ([][]byte, error) {
	var bundle api.EntryBundle
	if err := bundle.UnmarshalText(raw); err != nil {
		return nil, err
	}
	hashes := make([][]byte, 0, len(bundle.Entries))
	for _, data := range bundle.Entries {
		hashes = append(hashes, rfc6962.DefaultHasher.HashLeaf(data))
	}
	return hashes, nil
}
