package postgres

import (
	"os"
	"testing"
)

func TestFixSchemaIsTheDeployedOne(t *testing.T) {
	t.Parallel()
	deployed, err := os.ReadFile("../../../deploy/sql/target.sql")
	if err != nil {
		t.Fatal(err)
	}
	if string(deployed) != TargetSQL() {
		t.Error("deploy/sql/target.sql differs; cp deploy/sql/target.sql internal/target/postgres/sql/")
	}
}
