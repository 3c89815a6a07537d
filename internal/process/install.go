package process

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/semver"
)

// Installed is the directory of the highest version of what a script of deploy/scripts has put into the cache directory
// under a name, such as "kafka"; empty if there is none.
func Installed(name string) (string, error) {
	cache := os.Getenv("XDG_CACHE_HOME") // as the scripts do it, on every system
	if cache == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		cache = filepath.Join(home, ".cache")
	}
	prefix := filepath.Join(cache, "integritybot", name+"-")
	// The recipe is written last: without it the directory is incomplete.
	recipes, err := filepath.Glob(prefix + "*/recipe")
	if err != nil || len(recipes) == 0 {
		return "", err
	}
	version := func(recipe string) string {
		return "v" + strings.TrimPrefix(filepath.Dir(recipe), prefix)
	}
	return filepath.Dir(slices.MaxFunc(recipes, func(a, b string) int {
		return semver.Compare(version(a), version(b))
	})), nil
}
