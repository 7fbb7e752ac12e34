from helpers.service_fixtures import key, overdue, service
