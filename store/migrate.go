package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// applicationID marks a SQLite file as Snug's; the first migration sets it.
const applicationID = 0x536e7567

//go:embed migrations/*.sql
var migrations embed.FS

// migration is one step of the schema. Its version is its number, from 1.
type migration struct {
	name string
	sql  string
}

// readMigrations reads migrations/NNNN_name.sql, numbered from 1 without gaps.
func readMigrations(files fs.FS) ([]migration, error) {
	names, err := fs.Glob(files, "migrations/*.sql") // sorted
	if err != nil {
		return nil, err
	}
	var steps []migration
	for i, name := range names {
		var number int
		if _, err := fmt.Sscanf(filepath.Base(name), "%04d_", &number); err != nil || number != i+1 {
			return nil, fmt.Errorf("%s: want number %04d", name, i+1)
		}
		b, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		steps = append(steps, migration{name: filepath.Base(name), sql: string(b)})
	}
	return steps, nil
}

// checkOurs refuses files that are no database, somebody else's, or newer than
// this program, before anything in them is changed.
func checkOurs(ctx context.Context, conn *sql.Conn, known int) error {
	var application, version, tables int
	err := conn.QueryRowContext(ctx, `SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema)
		FROM pragma_application_id, pragma_user_version`).Scan(&application, &version, &tables)
	if err != nil {
		return err
	}
	if application != applicationID && (tables > 0 || version > 0 || application != 0) {
		return fmt.Errorf("%w: %s belongs to another program", ErrDamaged, databaseFile)
	}
	if version > known {
		return &NewerSchemaError{Have: version, Known: known}
	}
	return nil
}

// migrate brings the database to the newest schema, one transaction a step. A
// database with something in it is first copied to a file beside it.
func migrate(ctx context.Context, conn *sql.Conn, path string, steps []migration) error {
	var version int
	if err := conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version >= len(steps) {
		return nil
	}
	if version > 0 {
		if err := backUp(ctx, conn, fmt.Sprintf("%s.schema-%d", path, version)); err != nil {
			return fmt.Errorf("back up before the upgrade of the database: %w", err)
		}
	}
	for i, step := range steps[version:] {
		if err := apply(ctx, conn, step, version+i+1); err != nil {
			return fmt.Errorf("upgrade the database by %s: %w", step.name, err)
		}
	}
	return nil
}

func apply(ctx context.Context, conn *sql.Conn, step migration, version int) error {
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, step.sql); err != nil {
		return err
	}
	// A pragma takes no parameters.
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", version)); err != nil {
		return err
	}
	return tx.Commit()
}

// backUp writes a copy of the database to the file, in place of an older copy
// that an upgrade that did not succeed may have left.
func backUp(ctx context.Context, conn *sql.Conn, file string) error {
	part := file + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// SQLite writes into a file that is there if it is empty, and keeps its mode.
	if err := makePrivate(part); err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, "VACUUM INTO ?", part); err != nil {
		return errors.Join(err, os.Remove(part))
	}
	if err := syncFile(part); err != nil {
		return err
	}
	if err := os.Rename(part, file); err != nil {
		return err
	}
	return syncDir(filepath.Dir(file))
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
