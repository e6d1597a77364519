"""What happens in a student's container before its programs start: settings checked, folders made, material synced."""
