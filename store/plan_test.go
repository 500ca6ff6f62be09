package store

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
)

// Every query walks an index and stops at its limit: none reads a whole table or
// sorts more than it returns.
func TestQueriesUseIndices(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	openAt(t, dir, Options{})
	conn := connect(t, filepath.Join(dir, databaseFile))
	for name, query := range map[string]string{
		"userByID": userByID, "userByKey": userByKey, "usersByID": usersByID, "usersByKey": usersByKey, "usersByMatch": usersByMatch, "usersByClaim": usersByClaim,
		"seenByUser": seenByUser, "seenByUsers": seenByUsers,
		"sessionByID": sessionByID, "sessionByToken": sessionByToken, "deleteExpiredSessions": deleteExpiredSessions,
		"roomByID": roomByID, "roomsByRecent": roomsByRecent, "roomsByKey": roomsByKey, "roomByKey": roomByKey, "roomDeleted": roomDeleted, "eraseMessages": eraseMessages,
		"sessionsByID": sessionsByID, "roomsByID": roomsByID, "messagesByID": messagesByID,
		"recordByID": recordByID, "recordsByID": recordsByID, "recordByKey": recordByKey, "recordsByOwner": recordsByOwner, "rulingsOf": rulingsOf, "endingsOf": endingsOf,
		"newestRecords": newestRecords, "recordsBefore": recordsBefore, "countLiveRecords": countLiveRecords,
		"deleteExpiredRecords": deleteExpiredRecords, "deleteEndedRecords": deleteEndedRecords, "deleteOldRecords": deleteOldRecords,
		"metaByKey": metaByKey, "newestPlace": newestPlace, "deleteInactive": deleteInactive, "deleteConversation": deleteConversation, "findConversation": findConversation,
		"putActivity": putActivity, "strangeByID": strangeByID, "earlyByFeed": earlyByFeed, "earlyBefore": earlyBefore, "cursorOf": cursorOf,
		"messageByID": messageByID, "newestMessages": newestMessages, "messagesBefore": messagesBefore, "messagesAfter": messagesAfter,
		"messagesSince": messagesSince, "privateSince": privateSince, "conversationsOf": conversationsOf, "conversationsAfter": conversationsAfter, "nameKept": nameKept,
	} {
		t.Run(name, func(t *testing.T) {
			args := make([]any, strings.Count(query, "?"))
			if strings.Contains(query, "?1") {
				args = make([]any, 3)
			}
			rows, err := conn.QueryContext(context.Background(), "EXPLAIN QUERY PLAN "+query, args...)
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			for rows.Next() {
				var id, parent, unused int
				var detail string
				if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
					t.Fatal(err)
				}
				if badStep(detail) {
					t.Errorf("step %q of %s", detail, query)
				}
			}
			if err := rows.Err(); err != nil {
				t.Error(err)
			}
		})
	}
}

func badStep(detail string) bool {
	if strings.HasPrefix(detail, "SCAN ") {
		// The list of IDs asked for; the walk along activity, newest first; the
		// pieces of privateSince, which are limited themselves.
		for _, good := range []string{"json_each", "SCAN a USING", "SCAN CONSTANT ROW", "(subquery", "subquery"} {
			if strings.Contains(detail, good) {
				return false
			}
		}
		return true
	}
	return strings.Contains(detail, "USE TEMP B-TREE FOR ORDER BY")
}
