package ddf

import "github.com/dmwake/dmwake/simulator/csp"

// Build is a Windows build, 10.0.22621.1928: Number 22621, Revision 1928.
type Build = csp.Build

// Presence says whether a build has a node.
type Presence = csp.Presence

// A node's presence. Unsaid: the DDF names earlier and later builds, but not this one
// or its siblings, or it names none that was released.
const (
	Has    = csp.Has
	Lacks  = csp.Lacks
	Unsaid = csp.Unsaid
)

// Oldest is the first build of Windows 10, with which DDF v2 begins.
const Oldest = 10240

// ParseBuild reads "22631", "22631.2506" and "10.0.22631.2506".
func ParseBuild(s string) (Build, error) { return csp.ParseBuild(s) }

// On says whether a build has the node.
func (n *Node) On(b Build) Presence { return n.Builds.On(b) }
