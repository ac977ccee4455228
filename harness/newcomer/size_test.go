package newcomer

import (
	"os"
	"path/filepath"
	"testing"
)

// most is what the stripped binary of linux/amd64 (CGO_ENABLED=0 -trimpath -s -w, Go
// 1.26.8) may have: the 40,239,266 bytes of commit 1d77b4c, and 3 MB.
const most = 40_239_266 + 3_000_000

// sizes: the binary grows only as far as somebody has decided. What is in it:
// go tool nm -size -sort size on a binary that is not stripped.
func sizes(t *testing.T) {
	found, err := filepath.Glob(filepath.Join(*dist, "dmwake_linux_amd64*", "dmwake"))
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	info, err := os.Stat(found[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes of %d", info.Size(), most)
	if info.Size() > most {
		t.Errorf("the binary has %d bytes, %d too many", info.Size(), info.Size()-most)
	}
}
