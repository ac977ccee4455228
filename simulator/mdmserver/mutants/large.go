package mutants

import (
	"slices"
	"strconv"

	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Mutants of large objects, in both directions.
var (
	SesMaxObject = &Mutant{"ses-max-object", "ignores the device's MaxObjSize", func(t *tamper) {
		t.Receive = append(t.Receive, func(v *mdmserver.Visit) int {
			if v.In.Hdr.Meta != nil {
				v.In.Hdr.Meta.MaxObjSize = ""
			}
			return 0
		})
	}}
	SesChunkSilent = &Mutant{"ses-chunk-silent", "sends no Status for chunks", func(t *tamper) {
		hook.Reply(t, func(_ *mdmserver.Visit, r *mdmserver.Reply) {
			r.Message.Body = slices.DeleteFunc(r.Message.Body, func(c syncml.Command) bool {
				return c.Cmd == string(syncml.Results) && c.Code() == syncml.ChunkAccepted
			})
		})
	}}
	SesChunkSizeIgnored = &Mutant{"ses-chunk-size-ignored", "takes chunks in that do not add up", func(t *tamper) {
		hook.Reply(t, func(_ *mdmserver.Visit, r *mdmserver.Reply) {
			r.Message.Body = slices.DeleteFunc(r.Message.Body, func(c syncml.Command) bool { return c.Cmd == string(syncml.Results) && c.Code() == syncml.SizeMismatch })
		})
	}}
	SesNoEndSilent = &Mutant{"ses-no-end-silent", "does not report an object that never ended", func(t *tamper) {
		hook.Reply(t, func(_ *mdmserver.Visit, r *mdmserver.Reply) {
			r.Plan = slices.DeleteFunc(r.Plan, func(p mdmserver.Planned) bool {
				return p.Command.Verb == syncml.Alert && p.Command.Code() == syncml.AlertNoEndOfData
			})
		})
	}}
	SesChunkSizeWrong = &Mutant{"ses-chunk-size-wrong", "declares the size of the first chunk in place of the whole", func(t *tamper) {
		chunks(t, func(it *syncml.Item) {
			if it.Meta.Size != "" {
				it.Meta.Size = strconv.Itoa(len(it.Data))
			}
		})
	}}
	SesChunksAnyway = &Mutant{"ses-chunks-anyway", "sends chunks to a device that takes none", func(t *tamper) {
		t.Receive = append(t.Receive, func(v *mdmserver.Visit) int {
			for i := range v.In.Body {
				if c := &v.In.Body[i]; c.Verb == syncml.Results && len(c.Items) > 0 && c.Items[0].Source.LocURI == "./DevDetail/LrgObj" {
					c.Items[0].Data = "true"
				}
			}
			return 0
		})
	}}
	MsgChunkFinal = &Mutant{"msg-chunk-final", "writes Final beside every chunk", func(t *tamper) {
		hook.Reply(t, func(_ *mdmserver.Visit, r *mdmserver.Reply) { r.Message.Final = r.Message.Final || sendsChunk(r) })
	}}
	MsgChunkSizes = &Mutant{"msg-chunk-sizes", "writes Size into every chunk", func(t *tamper) {
		size := ""
		chunks(t, func(it *syncml.Item) {
			if it.Meta.Size != "" {
				size = it.Meta.Size
			}
			it.Meta.Size = size
		})
	}}
	MsgChunkBetween = &Mutant{"msg-chunk-between", "sends a Get beside every chunk", func(t *tamper) {
		hook.Reply(t, func(_ *mdmserver.Visit, r *mdmserver.Reply) {
			if sendsChunk(r) {
				r.Plan = append(r.Plan, hook.Ask(hook.Language))
			}
		})
	}}
)

var largeObjects = []*Mutant{SesMaxObject, SesChunkSilent, SesChunkSizeIgnored, SesNoEndSilent, SesChunkSizeWrong, SesChunksAnyway, MsgChunkFinal, MsgChunkSizes, MsgChunkBetween}

// sendsChunk tells whether a reply has a chunk that is not the last.
func sendsChunk(r *mdmserver.Reply) bool {
	return slices.ContainsFunc(r.Plan, func(p mdmserver.Planned) bool { return p.Sent.Purpose == mdmserver.ForChunk })
}

// chunks lets f change every chunk that is not the last.
func chunks(t *tamper, f func(*syncml.Item)) {
	hook.Reply(t, func(_ *mdmserver.Visit, r *mdmserver.Reply) {
		for i := range r.Plan {
			if p := &r.Plan[i]; p.Sent.Purpose == mdmserver.ForChunk {
				f(&p.Command.Items[0])
			}
		}
	})
}
