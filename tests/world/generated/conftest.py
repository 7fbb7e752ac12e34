from helpers.service_fixtures import key, service
