package main

import (
	"context"

	"github.com/transparency-dev/tessera/api/layout"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/tlog"
)

// tiles gives tlog the tiles of a log; those that it has verified it is given again.
type tiles struct {
	ctx      context.Context
	source   fsck.Fetcher
	verified map[tlog.Tile][]byte
}

func (t *tiles) Height() int { return layout.TileHeight }

func (t *tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range wanted {
		data, found := t.verified[tile]
		if !found {
			var err error
			// 0 is full.
			partial := uint8(tile.W % layout.TileWidth)
			if data, err = t.source.ReadTile(t.ctx, uint64(tile.L), uint64(tile.N), partial); err != nil {
				return nil, err
			}
		}
		all = append(all, data)
	}
	return all, nil
}

func (t *tiles) SaveTiles(saved []tlog.Tile, data [][]byte) {
	for n, tile := range saved {
		t.verified[tile] = data[n]
	}
}
